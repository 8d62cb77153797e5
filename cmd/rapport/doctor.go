package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func doctorCommand() command {
	return command{
		name: "doctor", shared: true,
		summary: "examine the database, its keys and its queue",
		help: "It changes nothing. Each line says what was looked at and how it is: ok, warning or FAILED; a failure ends\n" +
			"the command with 1.",
		setup: func(*flag.FlagSet) func(context.Context, *call) error {
			return func(ctx context.Context, c *call) error { return c.doctor(ctx) }
		},
	}
}

// How an examination can end.
const (
	fine    = "ok"
	warning = "warning"
	failed  = "failed"
)

// finding is one line of the doctor's report.
type finding struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
}

// patient is what the doctor looks at; later examinations need what earlier ones found.
type patient struct {
	c        *call
	db       *database
	modules  []crm.Module // that the database has and this version knows
	keyPath  string
	kms      *keys.File // nil when the key file cannot be read
	crm      *crm.CRM   // nil when the schema is not the program's
	findings []finding
}

func (p *patient) say(name, status, format string, args ...any) {
	p.findings = append(p.findings, finding{name, status, fmt.Sprintf(format, args...)})
}

func (p *patient) fail(name string, err error) { p.say(name, failed, "%s", reasonOf(err)) }

// reasonOf is an error in one sentence, without the operation.
func reasonOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		bare := *f
		bare.Op, bare.Code = "", ""
		return strings.TrimPrefix(bare.Error(), ": ")
	}
	return err.Error()
}

func (c *call) doctor(ctx context.Context) (err error) {
	if len(c.args) > 0 {
		return usage("takes no arguments, have %q", c.args[0])
	}
	if _, err := c.principal(); err != nil {
		return err
	}
	p := &patient{c: c}
	p.db, err = c.openDatabase(ctx, false)
	if _, wrongly := errors.AsType[usageError](err); wrongly {
		return err
	}
	if err != nil {
		p.fail("database", err)
		return p.report()
	}
	defer func() { err = errors.Join(err, p.db.close()) }()
	for _, examine := range []func(context.Context){
		p.database, p.settings, p.clock, p.migrations, p.drift, p.keyFile, p.open, p.secrets, p.queue, p.letters,
	} {
		examine(ctx)
	}
	return p.report()
}

func (p *patient) report() error {
	ill := false
	for _, f := range p.findings {
		ill = ill || f.Status == failed
	}
	if p.c.json {
		out := struct {
			OK     bool      `json:"ok"`
			Checks []finding `json:"checks"`
		}{!ill, p.findings}
		if err := json.NewEncoder(p.c.stdout).Encode(out); err != nil {
			return err
		}
	} else {
		for _, f := range p.findings {
			word := f.Status
			if word == failed {
				word = "FAILED"
			}
			fmt.Fprintf(p.c.stdout, "%-8s %-12s %s\n", word, f.Name, clean(f.Detail))
		}
	}
	if ill {
		return errReported
	}
	return nil
}

// place names the database without a password.
func (o *options) place() string {
	if !o.postgres() {
		return o.db
	}
	u, err := url.Parse(o.db)
	if err != nil || !o.url() {
		return "the address given"
	}
	u.RawQuery = ""
	return u.Redacted()
}
