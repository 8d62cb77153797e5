package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"runtime"
	"runtime/debug"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/plugin"
)

func versionCommand() command {
	return command{
		name:    "version",
		summary: "print the versions of module, schema, plugin contract and Go",
		help:    "The schema numbers are those of each module's newest migration; the plugin contract says which plugins this version can talk to.",
		setup: func(*flag.FlagSet) func(context.Context, *call) error {
			return func(_ context.Context, c *call) error { return c.version() }
		},
	}
}

func (c *call) version() error {
	if len(c.args) > 0 {
		return usage("takes no arguments, have %q", c.args[0])
	}
	v := struct {
		Module   string             `json:"module"`
		Schema   map[crm.Module]int `json:"schema"`
		Contract int                `json:"plugin_contract"`
		Go       string             `json:"go"`
	}{moduleVersion(), byModule(newest()), plugin.Contract, runtime.Version()}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(c.stdout, "rapport %s\nschema: %s\nplugin contract %d\n%s %s/%s\n",
		v.Module, versions(newest()), v.Contract, v.Go, runtime.GOOS, runtime.GOARCH)
	return err
}

// moduleVersion is what the Go command stamped into the program.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// newest lists the modules of this program with their newest migrations, the same in both dialects.
func newest() []crm.ModuleVersion {
	var out []crm.ModuleVersion
	for _, m := range crm.Modules() {
		v := crm.ModuleVersion{Module: m}
		if files, err := crm.MigrationFS(sqlite.Dialect, m); err == nil {
			steps, _ := fs.Glob(files, "*[1-9]_*.up.sql") // the pattern is well formed
			v.Version = len(steps)
		}
		out = append(out, v)
	}
	return out
}
