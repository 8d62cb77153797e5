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
	"syscall"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/plugin"
)

func main() {
	if servedPlugin() {
		return
	}
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted; with --db, another run goes on from what was imported")
	}
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
	f.SetOutput(io.Discard)
	f.StringVar(&o.db, "db", "", "SQLite file or postgres:// `DSN` to use and keep (default a temporary file)")
	f.StringVar(&o.keys, "keys", "", "key `file` (default the SQLite file's name + .keys; PostgreSQL needs one)")
	f.StringVar(&o.data, "data", "", "`folder` of the data set \"CRM Sales Opportunities\" (default the small set of this example)")
	f.BoolVar(&o.json, "json", false, "print one JSON object instead of a story")
	err = f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(errs, "quickstart runs the CRM's main job from beginning to end.")
		f.SetOutput(errs)
		f.PrintDefaults()
	case err != nil:
		err = fmt.Errorf("%w; --help lists the flags", err)
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q; --help lists the flags", f.Arg(0))
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
	if err := set.check(); err != nil {
		return err
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
	got.Booth, got.Plugin, err = exhibition.show(ctx, c, me, buyers, tell)
	return got, err
}
