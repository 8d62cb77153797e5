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
		help:    "The schema number is that of the newest migration; the plugin contract says which plugins this version can talk to.",
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
		Module   string `json:"module"`
		Schema   int    `json:"schema"`
		Contract int    `json:"plugin_contract"`
		Go       string `json:"go"`
	}{moduleVersion(), schemaNumber(), plugin.Contract, runtime.Version()}
	if c.json {
		return json.NewEncoder(c.stdout).Encode(v)
	}
	_, err := fmt.Fprintf(c.stdout, "rapport %s\nschema %d\nplugin contract %d\n%s %s/%s\n",
		v.Module, v.Schema, v.Contract, v.Go, runtime.GOOS, runtime.GOARCH)
	return err
}

// moduleVersion is what the Go command stamped into the program.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// schemaNumber is the version of the newest migration, the same in both dialects.
func schemaNumber() int {
	files, err := fs.Glob(crm.MigrationFS(sqlite.Dialect), "[0-9]*.up.sql")
	if err != nil {
		return 0
	}
	n := 0
	for _, f := range files {
		var v int
		if _, err := fmt.Sscanf(f, "%d_", &v); err == nil {
			n = max(n, v)
		}
	}
	return n
}
