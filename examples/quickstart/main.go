package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/plugin"
)

func main() {
	if servedPlugin() {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	db, keys, data string
	json           bool
}

func parse(args []string, errs io.Writer) (o options, err error) {
	f := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.db, "db", "", "SQLite file or postgres:// `DSN` to use and keep (default a temporary file)")
	f.StringVar(&o.keys, "keys", "", "key `file` (default the SQLite file's name + .keys; PostgreSQL needs one)")
	f.StringVar(&o.data, "data", "", "`folder` of the data set \"CRM Sales Opportunities\" (default the small set of this example)")
	f.BoolVar(&o.json, "json", false, "print one JSON object instead of a story")
	if err = f.Parse(args); err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, err
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	set, err := own()
	if err != nil {
		return err
	}
	if o.data != "" {
		set = salesOpportunities(o.data)
	}
	tell := &story{out: out, progress: errs}
	if o.json {
		tell.out = io.Discard
	}
	got, err := tellAll(ctx, o, set, tell)
	if err != nil || !o.json {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(got)
}

// tellAll opens the CRM and goes through the steps.
func tellAll(ctx context.Context, o options, set dataset, tell *story) (got facts, err error) {
	exhibition, err := openExhibition(ctx, errorLog(tell.progress))
	if err != nil {
		return got, err
	}
	c, where, done, err := open(ctx, o, &crm.Config{Extensions: []plugin.Extension{exhibition}, Logger: errorLog(tell.progress)})
	if err != nil {
		return got, errors.Join(err, exhibition.Stop(ctx))
	}
	defer func() { err = errors.Join(err, done(context.WithoutCancel(ctx))) }()
	tell.say("Rapport on %s.", where)
	me := ident.User("quickstart", "you", "admin")

	if got.Imported, err = importAll(ctx, c, me, set, tell); err != nil {
		return got, err
	}
	buyers, err := organizations(ctx, c, me)
	if err != nil {
		return got, err
	}
	if got.Gate, err = showGate(ctx, c, me, set, buyers[0].ID, tell); err != nil {
		return got, err
	}
	if got.Consent, err = showConsent(ctx, c, me, tell); err != nil {
		return got, err
	}
	if got.Case, err = showComplaint(ctx, c, me, buyers[0].ID, tell); err != nil {
		return got, err
	}
	got.Booth, got.Plugin, err = exhibition.show(ctx, c, me, [2]customer.Customer(buyers), tell)
	return got, err
}
