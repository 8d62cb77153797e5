// Package bench measures the CRM's operations against the same work written by hand.
//
//	err := bench.Run(ctx, bench.Options{Rows: 1_000_000, Out: os.Stdout, Log: os.Stderr})
//
// Ours goes through the public API: sessions of package crm. The peers (see the nested module in peers) run in a child
// process. They are given the very statements that our operation issued, with their arguments: [Recorder] listens on a
// connection while the operation runs, and [Script] makes a recording repeatable, with new ids, times and versions
// where running it again must not find what it wrote. So a peer reads the same rows and writes the same rows into
// every table, by construction; what it does not do is everything else we do: rights, masks, schema, sealing, events.
//
// Both sides take turns of a fraction of a second on the same database, so that what the machine does meanwhile hits
// both. Of each turn the median counts, and of these the median is reported.
//
// Start with [Run].
package bench
