package main

import (
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
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/pipeline"
)

func importCommand() command {
	return command{
		name: "import", args: "FILE --mapping FILE [--dry-run]", shared: true,
		summary: "import customers or opportunities from a CSV file",
		help: "The mapping file says which column fills which field:\n\n" +
			"  {\n" +
			"    \"entity\": \"customer\", \"kind\": \"person\", \"system\": \"shop\",\n" +
			"    \"columns\": {\"ext\": \"No.\", \"given\": \"First name\", \"family\": \"Last name\", \"email\": \"E-mail\",\n" +
			"                \"phone.work\": \"Phone\", \"custom.tier\": \"Tier\"},\n" +
			"    \"constants\": {\"country\": \"DE\"}, \"values\": {\"custom.tier\": {\"A\": \"gold\"}}, \"ignore\": [\"Printed on\"]\n" +
			"  }\n\n" +
			"Fields of a customer:\n" + wrapped(customerFields()) +
			"Fields of an opportunity:\n" + wrapped(opportunityFields()) +
			"Its \"customer\" holds the customer's external id, \"history\": true takes closed ones without asking their gates.\n" +
			"Custom fields are custom.KEY. Dates are YYYY-MM-DD unless \"date\" says otherwise, as \"M/D/YYYY\" does; amounts need\n" +
			"a \"currency\".\n\n" +
			"Each row is loaded, or listed as a fault with its row, column and reason; with faults the command ends with 1.\n" +
			"A row whose external id is known updates. A SQLite database that is not there is made, but not by a dry run.",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			mapping := fs.String("mapping", "", "mapping `file`")
			dry := fs.Bool("dry-run", false, "do everything, then take it back: tells what an import would do")
			return func(ctx context.Context, c *call) error { return c.load(ctx, *mapping, *dry) }
		},
	}
}

// imported is the answer in JSON.
type imported struct {
	File   string `json:"file"`
	Entity string `json:"entity"`
	DryRun bool   `json:"dry_run,omitempty"`
	transfer.Report
}

func (c *call) load(ctx context.Context, mappingFile string, dry bool) (err error) {
	switch {
	case len(c.args) != 1:
		return usage("want one CSV file, have %d arguments", len(c.args))
	case mappingFile == "":
		return usage("--mapping must name the mapping file")
	}
	data, err := os.ReadFile(mappingFile)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot read the mapping")
	}
	m, err := transfer.ParseMapping(data)
	if err != nil {
		return err
	}
	run := importers()[m.Entity]
	if run == nil {
		return fault.Field("entity", "want %q or %q, have %q", customer.EntityCustomer, pipeline.EntityOpportunity, m.Entity)
	}
	file, err := os.Open(c.args[0])
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot read the file")
	}
	defer file.Close() //nolint:errcheck // opened for reading
	o, err := c.open(ctx, map[bool]access{true: rehearse, false: write}[dry])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close(context.WithoutCancel(ctx))) }()
	im := &importJob{
		s: o.s.From(personal.Source{System: source(m.System), Ref: short(filepath.Base(c.args[0]))}), m: m, file: file, dry: dry, progress: c.progress(),
	}
	rep, err := run(ctx, im)
	if err != nil {
		if rep.Rows > 0 && !dry {
			fmt.Fprintf(c.stderr, "stopped after %d rows of %s; what was written stays: import the file again to go on\n", rep.Rows, c.args[0])
		}
		return err
	}
	return c.printImport(imported{File: c.args[0], Entity: m.Entity, DryRun: dry, Report: rep})
}

// importJob is one file on its way into the database.
type importJob struct {
	s        *crm.Session
	m        transfer.Mapping
	file     *os.File
	dry      bool
	progress func(transfer.Report)
}

func importers() map[string]func(context.Context, *importJob) (transfer.Report, error) {
	return map[string]func(context.Context, *importJob) (transfer.Report, error){
		customer.EntityCustomer:    importCustomers,
		pipeline.EntityOpportunity: importOpportunities,
	}
}

// errTakeBack rolls a batch of a dry run back.
var errTakeBack = errors.New("dry run")

// inTx runs one batch in a transaction, which a dry run takes back.
func (im *importJob) inTx(ctx context.Context, fn func(ctx context.Context, s *crm.Session) error) error {
	err := im.s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
		if err := fn(ctx, s); err != nil || !im.dry {
			return err
		}
		return errTakeBack
	})
	if errors.Is(err, errTakeBack) {
		return nil
	}
	return err
}

func importCustomers(ctx context.Context, im *importJob) (transfer.Report, error) {
	fields, err := im.s.Schema.Fields(ctx, customer.EntityCustomer)
	if err != nil {
		return transfer.Report{}, err
	}
	return transfer.Customers(ctx, im.s.Customers, im.file, im.m, &transfer.Options{
		Fields: fields, Progress: im.progress,
		InTx: func(ctx context.Context, fn func(context.Context, customer.Customers) error) error {
			return im.inTx(ctx, func(ctx context.Context, s *crm.Session) error { return fn(ctx, s.Customers) })
		},
	})
}

func customerFields() []string {
	var names []string
	for _, f := range transfer.CustomerTarget(transfer.Mapping{}, nil).Fields {
		names = append(names, f.Name)
	}
	return names
}

// progress tells how far the import is, once a second.
func (c *call) progress() func(transfer.Report) {
	last := time.Now()
	return func(r transfer.Report) {
		if time.Since(last) < time.Second {
			return
		}
		last = time.Now()
		fmt.Fprintf(c.stderr, "%d rows: %d created, %d updated, %d unchanged, %d rejected\n", r.Rows, r.Created, r.Updated, r.Unchanged, r.Rejected)
	}
}

func (c *call) printImport(r imported) error {
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
		for _, f := range r.Faults {
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
