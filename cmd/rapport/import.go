package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

func importCommand() command {
	return command{
		name: "import", args: "[KIND] FILE [--mapping FILE] [--dry-run]", shared: true,
		summary: "import " + strings.Join(importNames(), ", ") + " records from a CSV or NDJSON file",
		help: "The mapping file says which column fills which field:\n\n" +
			"  {\n" +
			"    \"entity\": \"customer\", \"kind\": \"person\", \"system\": \"shop\",\n" +
			"    \"columns\": {\"ext\": \"No.\", \"given\": \"First name\", \"family\": \"Last name\", \"email\": \"E-mail\",\n" +
			"                \"phone.work\": \"Phone\", \"custom.tier\": \"Tier\"},\n" +
			"    \"constants\": {\"country\": \"DE\"}, \"values\": {\"custom.tier\": {\"A\": \"gold\"}}, \"ignore\": [\"Printed on\"]\n" +
			"  }\n\n" +
			"Without one, KIND says what rows become, and columns fill the fields whose names they have; \"by_header\": true does so\n" +
			"in a mapping.\n\n" + importFields() +
			"A \"customer\" is named by its id in \"system\", or in \"customers\" where that is another one, by SYSTEM/ID, or by its own\n" +
			"id. \"history\": true takes closed opportunities without asking their gates. Rows without an id of their own need\n" +
			"\"without_ids\": true. Custom fields are custom.KEY. Dates are YYYY-MM-DD unless \"date\" says otherwise, as \"M/D/YYYY\"\n" +
			"does; amounts need a \"currency\".\n\n" +
			"A file named .ndjson or .jsonl has a JSON object on each line, whose members are its columns; any other is CSV in UTF-8.\n" +
			"Each row is loaded, or listed as a fault with its row, column and reason; with faults the command ends with 1.\n" +
			"A row whose external id is known updates. A SQLite database that is not there is made, but not by a dry run.",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			var o importOptions
			fs.StringVar(&o.mapping, "mapping", "", "mapping `file`")
			fs.StringVar(&o.system, "system", "", "`name` of the system whose ids the file has, in place of the mapping's")
			fs.BoolVar(&o.withoutIDs, "without-ids", false, "rows have no ids: loading the file again doubles them")
			fs.BoolVar(&o.dry, "dry-run", false, "do everything, then take it back: reports what an import would do")
			return func(ctx context.Context, c *call) error { return c.load(ctx, &o) }
		},
	}
}

// importFields lists what columns may fill, by kind.
func importFields() string {
	var b strings.Builder
	for _, f := range importForms() {
		fmt.Fprintf(&b, "Fields of a record of kind %s:\n%s", f.Kind.Name(), wrapped(f.Names()))
	}
	return b.String()
}

// importOptions are the command's own flags.
type importOptions struct {
	mapping, system string
	withoutIDs, dry bool
}

// imported is the answer in JSON.
type imported struct {
	File   string `json:"file"`
	Entity string `json:"entity"`
	DryRun bool   `json:"dry_run,omitempty"`

	Rows      int        `json:"rows"`
	Created   int        `json:"created"`
	Updated   int        `json:"updated"`
	Unchanged int        `json:"unchanged"`
	Rejected  int        `json:"rejected"`
	Blank     int        `json:"blank,omitempty"`
	Unmapped  []string   `json:"unmapped,omitempty"`
	Faults    []rowFault `json:"faults"`
}

// rowFault is one complaint about one row.
type rowFault struct {
	Line    int    `json:"line"` // of the file, on which the row begins
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

func importedOf(rep *work.LoadReport) imported {
	out := imported{
		Rows: rep.Rows, Created: rep.Created, Updated: rep.Updated, Unchanged: rep.Unchanged, Rejected: len(rep.Faults),
		Blank: rep.Blank, Unmapped: rep.Unmapped, Faults: []rowFault{},
	}
	for _, f := range rep.Faults {
		for _, v := range f.Violations() {
			out.Faults = append(out.Faults, rowFault{f.Line, v.Field, v.Message})
		}
	}
	return out
}

func (c *call) load(ctx context.Context, opts *importOptions) (err error) {
	m, err := c.mapping(opts)
	if err != nil {
		return err
	}
	e, err := importable(m.Entity)
	if err != nil {
		return err
	}
	path := c.args[len(c.args)-1]
	file, err := os.Open(path)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot read the file")
	}
	defer file.Close() //nolint:errcheck // opened for reading
	o, err := c.open(ctx, map[bool]access{true: rehearse, false: write}[opts.dry])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close(context.WithoutCancel(ctx))) }()
	s := o.s.From(personal.Source{System: source(m.System), Ref: short(filepath.Base(path))})
	rep, err := transfer.Import(ctx, e.target(s, e.name), file, m, &transfer.Options{Format: formatOf(path), DryRun: opts.dry, Progress: c.progress()})
	if err != nil {
		if rep.Rows > 0 && !opts.dry {
			fmt.Fprintf(c.stderr, "stopped after %d rows of %s; what was written stays: import the file again to go on\n", rep.Rows, path)
		}
		return err
	}
	did := importedOf(&rep)
	did.File, did.Entity, did.DryRun = path, m.Entity, opts.dry
	return c.printImport(&did, rep.Faults)
}

// formatOf returns how a file of this name is written.
func formatOf(path string) transfer.Format {
	ext := strings.ToLower(filepath.Ext(path))
	return transfer.Format{NDJSON: ext == ".ndjson" || ext == ".jsonl"}
}

// mapping reads the mapping file, or makes the mapping of a file whose header names the fields.
func (c *call) mapping(o *importOptions) (m transfer.Mapping, err error) {
	var kind string
	switch n := len(c.args); {
	case n == 2:
		if kind = c.args[0]; !canImport(kind) {
			return m, usage("want one file, have 2 arguments, and %q is no kind of record: want %s", kind, strings.Join(importNames(), ", "))
		}
	case n != 1:
		return m, usage("want one file, have %s", counted(n))
	case o.mapping == "":
		return m, usage("--mapping must name the mapping file, or the kind of record must stand before the file")
	}
	if m.ByHeader = o.mapping == ""; !m.ByHeader {
		if m, err = readMapping(o.mapping); err != nil {
			return m, err
		}
	}
	m.Entity = cmp.Or(m.Entity, kind)
	m.System = cmp.Or(o.system, m.System)
	m.WithoutIDs = m.WithoutIDs || o.withoutIDs
	if kind != "" && kind != m.Entity {
		return m, usage("the mapping is for %s, not for %s", m.Entity, kind)
	}
	return m, nil
}

func readMapping(path string) (transfer.Mapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return transfer.Mapping{}, fault.Wrap(fault.Unavailable, err, "cannot read the mapping")
	}
	return transfer.ParseMapping(data)
}

func canImport(kind string) bool {
	_, err := importable(kind)
	return err == nil
}

// importable returns what a mapping is for.
func importable(name string) (entity, error) {
	e, err := findEntity(name)
	if err != nil || e.target == nil {
		return entity{}, fault.Field("entity", "want one of %s, have %q", strings.Join(importNames(), ", "), name)
	}
	return e, nil
}

// progress prints how far the import is, once a second.
func (c *call) progress() func(work.LoadReport) {
	last := time.Now()
	return func(r work.LoadReport) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		fmt.Fprintf(c.stderr, "%d rows: %d created, %d updated, %d unchanged, %d rejected\n", r.Rows, r.Created, r.Updated, r.Unchanged, len(r.Faults))
	}
}

func (c *call) printImport(r *imported, faults []work.RowFault) error {
	if c.json {
		if err := json.NewEncoder(c.stdout).Encode(r); err != nil {
			return err
		}
	} else {
		title := "imported"
		if r.DryRun {
			title = "dry run, nothing was written:"
		}
		fmt.Fprintf(c.stdout, "%s %s (%s)\n", title, r.File, r.Entity)
		fmt.Fprintf(c.stdout, "  rows       %d\n  created    %d\n  updated    %d\n  unchanged  %d\n  rejected   %d\n",
			r.Rows, r.Created, r.Updated, r.Unchanged, r.Rejected)
		if r.Blank > 0 {
			fmt.Fprintf(c.stdout, "  blank      %d, not counted above\n", r.Blank)
		}
		if len(r.Unmapped) > 0 {
			fmt.Fprintf(c.stdout, "columns not imported: %q\n", r.Unmapped)
		}
		for _, f := range faults {
			fmt.Fprintf(c.stdout, "%s\n", f)
		}
	}
	if r.Rejected > 0 {
		return errReported
	}
	return nil
}

// source is the system's name stored with what is imported.
func source(system string) string {
	if system == "" {
		return "csv"
	}
	return system
}

// short keeps a file's name within the limit of a source's reference.
func short(name string) string {
	if len(name) > 200 {
		return strings.ToValidUTF8(name[:200], "")
	}
	return name
}
