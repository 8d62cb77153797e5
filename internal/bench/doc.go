// Package bench measures the CRM's operations against the same work written by hand.
//
//	err := bench.Run(ctx, bench.Options{Rows: 1_000_000, Out: os.Stdout, Log: os.Stderr})
//
// Ours goes through the public API: sessions of package crm. The peers (see the nested module in peers) run in a child
// process. Their scripts have a fixed form, whatever ours sends: what a peer asks stands beside each operation, and what
// it writes is one plain statement for each row that ours leaves, begin and commit apart (see package script). What a
// peer does not do is everything else we do: rights, masks, schema, sealing, events.
//
// Both sides take turns of a fraction of a second on the same database, so that what the machine does meanwhile hits
// both. Of each turn the median counts, and of these the median is reported. On PostgreSQL a proxy then counts the round
// trips of each operation, and makes each a millisecond longer for a second contest (see package trip).
//
// Start with [Run].
package bench
