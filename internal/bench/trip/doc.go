// Package trip counts the round trips between a program and its database server, and makes them as long as those of a
// network.
//
//	proxy, err := trip.Listen("unix", "/run/postgresql/.s.PGSQL.5432")
//	cfg.ConnConfig.DialFunc = proxy.Dial // of a pgxpool.Config
//	proxy.Delay(time.Millisecond)
//	before := proxy.Trips()
//
// A trip is one reply that the program has waited for: something read from the server after something written to it.
// Time on one machine hides what they cost, so the bench prints their number.
//
// Start with [Listen].
package trip
