package main

import (
	"context"
	"errors"
	"flag"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
)

func getCommand() command {
	return command{
		name: "get", args: "ENTITY ID [--reveal]", shared: true,
		summary: "print one record",
		help: entityHelp() +
			"ID is the record's own id, or, of customers and opportunities, an external one as SYSTEM/ID.\n" +
			"Personal data shows as its class, such as [contact]; --reveal shows what the actor may see for the purpose.\n" +
			"A sensitive field, such as a tax id, is shown with the right to reveal it only, and that is recorded.",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			reveal := fs.Bool("reveal", false, "show personal data in clear")
			return func(ctx context.Context, c *call) error { return c.get(ctx, *reveal) }
		},
	}
}

func (c *call) get(ctx context.Context, reveal bool) (err error) {
	if len(c.args) != 2 {
		return usage("want an entity and an id, have %s", counted(len(c.args)))
	}
	e, err := findEntity(c.args[0])
	if err != nil {
		return err
	}
	id, err := ident.Parse(c.args[1])
	system, rest, isExt := strings.Cut(c.args[1], "/")
	switch {
	case err != nil && !isExt:
		return usage("%q is no id: want one like 0190e6a2-7b1c-7def-8a34-0123456789ab, or SYSTEM/ID", c.args[1])
	case err != nil && e.byExt == nil:
		return usage("the kind %s has no external ids: want an id like 0190e6a2-7b1c-7def-8a34-0123456789ab", e.name)
	case err != nil && (system == "" || rest == ""):
		return usage("%q: want SYSTEM/ID", c.args[1])
	}
	o, err := c.open(ctx, look)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.Close(context.WithoutCancel(ctx))) }()
	records, err := o.s.Records(e.name)
	if err != nil {
		return err
	}
	var rec schema.Aggregate
	if isExt {
		rec, err = e.byExt(ctx, o.s, ident.Ext{System: system, ID: rest})
	} else {
		rec, err = records.Get(ctx, id)
	}
	if err != nil {
		return err
	}
	if reveal && e.kind.Entity.Sensitive() {
		switch whole, err := records.Reveal(ctx, rec.Base().ID); {
		case err == nil:
			rec = whole
		case fault.CodeOf(err) != fault.Denied: // without the right the sensitive fields stay hidden
			return err
		}
	}
	return c.printRecord(rec, reveal)
}
