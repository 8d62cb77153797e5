package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/crm"
)

func migrateCommand() command {
	return command{
		name: "migrate", args: "[--modules NAME,NAME] [--pending] [--down]", shared: true,
		summary: "install modules and bring the database's schema up to this version",
		help: "A SQLite file that is not there is made. Migrating twice does nothing, and several processes may do it at once.\n" +
			"All tables of the CRM begin with crm_; no other table is touched. A module with data is never removed.\n" +
			"The modules: " + list(crm.Modules()) + ".",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			modules := fs.String("modules", "", "the `modules` to install or remove, with commas between; all when left out")
			pending := fs.Bool("pending", false, "only list the migrations that are missing")
			down := fs.Bool("down", false, "remove --modules, whose tables must be empty")
			return func(ctx context.Context, c *call) error {
				return c.migrate(ctx, names(*modules), *pending, *down)
			}
		},
	}
}

// names reads a list of modules.
func names(s string) []crm.Module {
	var out []crm.Module
	for _, w := range words(s) {
		out = append(out, crm.Module(w))
	}
	return out
}

func list(modules []crm.Module) string {
	words := make([]string, len(modules))
	for i, m := range modules {
		words[i] = string(m)
	}
	return strings.Join(words, ", ")
}

// migrated is the answer in JSON.
type migrated struct {
	Modules map[crm.Module]int `json:"modules"`           // versions of what is installed now
	Applied []string           `json:"applied,omitempty"` // migrations that were run
	Pending []string           `json:"pending,omitempty"` // migrations that are missing
	Removed []crm.Module       `json:"removed,omitempty"` // modules that were removed

	installed []crm.ModuleVersion
}

func (c *call) migrate(ctx context.Context, modules []crm.Module, onlyPending, down bool) (err error) {
	switch {
	case len(c.args) > 0:
		return usage("takes no arguments, have %q", c.args[0])
	case down && onlyPending:
		return usage("--pending and --down exclude each other")
	case down && len(modules) == 0:
		return usage("--down: say by --modules which ones to remove")
	}
	db, err := c.openDatabase(ctx, !onlyPending && !down)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	var m migrated
	switch {
	case down:
		m.Removed, err = db.remove(ctx, modules)
	case onlyPending:
		m.Pending, err = db.pending(ctx, modules)
	default:
		if m.Applied, err = db.pending(ctx, modules); err == nil {
			err = crm.Migrate(ctx, db.pools.Write, db.dialect, modules...)
		}
	}
	if err == nil {
		m.installed, err = crm.Installed(ctx, db.pools.Write, db.dialect)
	}
	if err != nil {
		return err
	}
	return m.print(c)
}

func (d *database) pending(ctx context.Context, modules []crm.Module) ([]string, error) {
	list, err := crm.Pending(ctx, d.pools.Write, d.dialect, modules...)
	return labels(list), err
}

// remove removes modules and returns those that were there.
func (d *database) remove(ctx context.Context, modules []crm.Module) (gone []crm.Module, err error) {
	before, err := crm.Installed(ctx, d.pools.Write, d.dialect)
	if err != nil {
		return nil, err
	}
	for _, m := range before {
		if slices.Contains(modules, m.Module) {
			gone = append(gone, m.Module)
		}
	}
	return gone, crm.MigrateDown(ctx, d.pools.Write, d.dialect, modules...)
}

func (m migrated) print(c *call) error {
	if c.json {
		m.Modules = byModule(m.installed)
		return json.NewEncoder(c.stdout).Encode(m)
	}
	fmt.Fprintf(c.stdout, "modules: %s\n", versions(m.installed))
	switch {
	case len(m.Removed) > 0:
		fmt.Fprintf(c.stdout, "removed: %s\n", list(m.Removed))
	case len(m.Pending) > 0:
		fmt.Fprintf(c.stdout, "missing:\n  %s\n", strings.Join(m.Pending, "\n  "))
	case len(m.Applied) > 0:
		fmt.Fprintf(c.stdout, "applied:\n  %s\n", strings.Join(m.Applied, "\n  "))
	default:
		fmt.Fprintln(c.stdout, "nothing to do")
	}
	return nil
}

// versions is "foundation 1, customer 2".
func versions(list []crm.ModuleVersion) string {
	if len(list) == 0 {
		return "none"
	}
	words := make([]string, len(list))
	for i, m := range list {
		words[i] = fmt.Sprintf("%s %d", m.Module, m.Version)
	}
	return strings.Join(words, ", ")
}

func byModule(list []crm.ModuleVersion) map[crm.Module]int {
	out := map[crm.Module]int{}
	for _, m := range list {
		out[m.Module] = m.Version
	}
	return out
}

func labels(list []crm.Migration) []string {
	var out []string
	for _, m := range list {
		out = append(out, m.String())
	}
	return out
}
