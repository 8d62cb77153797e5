package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"github.com/rapport-crm/rapport/crm"
)

func migrateCommand() command {
	return command{
		name: "migrate", args: "[--pending] [--down N]", shared: true,
		summary: "bring the database's schema up to this version",
		help: "A SQLite file that is not there is made. Migrating twice does nothing, and several processes may do it at once.\n" +
			"All tables of the CRM begin with crm_; no other table is touched.",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			pending := fs.Bool("pending", false, "only list the migrations that are missing")
			down := fs.Int("down", -1, "go back to schema `N`, which LOSES the data of the tables dropped; 0 removes the CRM")
			fs.Lookup("down").DefValue = ""
			return func(ctx context.Context, c *call) error {
				back := false
				fs.Visit(func(f *flag.Flag) { back = back || f.Name == "down" })
				return c.migrate(ctx, *pending, back, *down)
			}
		},
	}
}

// migrated is the answer in JSON.
type migrated struct {
	From    int      `json:"from"`              // schema before
	To      int      `json:"to"`                // schema now
	Applied []string `json:"applied,omitempty"` // migrations that were run
	Pending []string `json:"pending,omitempty"` // migrations that are missing
}

func (c *call) migrate(ctx context.Context, onlyPending, back bool, down int) (err error) {
	switch {
	case len(c.args) > 0:
		return usage("takes no arguments, have %q", c.args[0])
	case back && onlyPending:
		return usage("--pending and --down exclude each other")
	case back && down < 0:
		return usage("--down: want 0 or more, have %d", down)
	}
	db, err := c.openDatabase(ctx, !onlyPending && !back)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	before, err := crm.Pending(ctx, db.pools.Write, db.dialect)
	if err != nil {
		return err
	}
	newest := schemaNumber()
	m := migrated{From: newest - len(before)}
	switch {
	case onlyPending:
		m.To, m.Pending = m.From, labels(before)
	case back && down > m.From:
		return usage("--down: the schema is at %d already, which is below %d", m.From, down)
	case back:
		m.To = down
		err = crm.MigrateDown(ctx, db.pools.Write, db.dialect, down)
	default:
		m.To, m.Applied = newest, labels(before)
		err = crm.Migrate(ctx, db.pools.Write, db.dialect)
	}
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(m)
	}
	m.print(c)
	return nil
}

func (m migrated) print(c *call) {
	switch {
	case len(m.Pending) > 0:
		fmt.Fprintf(c.stdout, "schema %d; %d migrations are missing:\n", m.From, len(m.Pending))
		for _, p := range m.Pending {
			fmt.Fprintf(c.stdout, "  %s\n", p)
		}
	case m.From == m.To:
		fmt.Fprintf(c.stdout, "schema %d: nothing to do\n", m.To)
	case m.From > m.To:
		fmt.Fprintf(c.stdout, "schema %d, was %d\n", m.To, m.From)
	default:
		fmt.Fprintf(c.stdout, "schema %d, was %d; applied:\n", m.To, m.From)
		for _, a := range m.Applied {
			fmt.Fprintf(c.stdout, "  %s\n", a)
		}
	}
}

func labels(list []crm.Migration) []string {
	var out []string
	for _, m := range list {
		out = append(out, fmt.Sprintf("%04d_%s", m.Version, m.Name))
	}
	return out
}
