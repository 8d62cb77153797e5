package main

import (
	"context"
	"errors"
	"flag"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/bench"
)

const benchHelp = `Ours and the peers take turns on the same database, made for it and dropped at the end. It needs the go command and
runs inside a checkout of the repository.

columns of the table, and their fields with --json:
  ours    ours_ns      median of one call; of customer.import the time for one customer
  peer    peer_ns      the same of the peer that is named: pgx sends one plain statement for each row, and begin and
                       commit, one after the other; pgx-pipeline sends them at once; copy writes rows in bulk; sql is
                       database/sql with prepared statements
  ratio   ratio        peer / ours: 1 is as fast as the peer, higher is better
  trips   trips        how often a call of ours waits for PostgreSQL, counted at the socket when all that is kept has
                       been fetched; of customer.import, a load of 1,000 customers. None on SQLite
  +1 ms   delayed_ratio, delayed_ours_ns, delayed_peer_ns
                       the ratio when each round trip of either side takes a millisecond longer; against pgx`

func benchCommand() command {
	return command{
		name: "bench", args: "[--rows N] [--op NAMES] [--dialect NAMES]",
		summary: "measure the CRM against the same work written by hand",
		help:    benchHelp,
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			rows := fs.Int("rows", 100_000, "`customers` in the database")
			op := fs.String("op", "", "operations to measure, `names` with commas; all without it")
			dialect := fs.String("dialect", "", "sqlite, postgres or both, `names` with commas; both without it")
			seconds := fs.Float64("seconds", 2.5, "`seconds` for one operation on one database")
			db := fs.String("db", "", "postgres:// `address` of a server to make a database on; a throw-away server without it")
			return func(ctx context.Context, c *call) error {
				if len(c.args) > 0 {
					return usage("takes no arguments, have %q", c.args[0])
				}
				if *rows <= 0 {
					return usage("--rows: want at least 1000, have %d", *rows)
				}
				if _, err := pgxpool.ParseConfig(*db); *db != "" && err != nil {
					return usage("--db: want the postgres:// address of a server")
				}
				if !(*seconds > 0 && *seconds <= 3600) {
					return usage("--seconds: want more than 0 and at most 3600")
				}
				err := bench.Run(ctx, bench.Options{
					Rows: *rows, Ops: words(*op), Dialects: words(*dialect), Duration: time.Duration(*seconds * float64(time.Second)),
					DSN: *db, JSON: c.json, Out: c.stdout, Log: c.stderr,
				})
				if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Invalid && f.Field != "" {
					return usage("--%s: %s", f.Field, f.Message)
				}
				return err
			}
		},
	}
}
