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

func benchCommand() command {
	return command{
		name: "bench", args: "[--rows N] [--op NAMES] [--dialect NAMES]",
		summary: "measure the CRM against the same work written by hand",
		help: "Ours and the peers take turns on the same database, made for it and dropped at the end. A ratio of 1 is as fast\n" +
			"as the peer, higher is better. It needs the go command and runs inside a checkout of the repository.",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			rows := fs.Int("rows", 100_000, "`customers` in the database")
			op := fs.String("op", "", "operations to measure, `names` with commas; all without it")
			dialect := fs.String("dialect", "", "sqlite, postgres or both, `names` with commas; both without it")
			seconds := fs.Float64("seconds", 6, "`seconds` for one operation on one database")
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
