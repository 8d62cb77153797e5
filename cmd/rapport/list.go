package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

func listCommand() command {
	return command{
		name: "list", args: "ENTITY [--customer ID] [--where EXPR] [--arg NAME=VALUE] [--sort FIELD]", shared: true,
		summary: "list records, page by page",
		help: entityHelp() + "\n" +
			"EXPR is a condition in CEL over the entity's fields, such as 'amount >= least && custom.tier == \"gold\"'.\n" +
			"Values that come from elsewhere belong into --arg, which can be given often. The type of a value is seen from its form\n" +
			"(12, 1.5, true, 2026-03-02, \"100.00 EUR\"); NAME:text=12 names it.",
		setup: func(fs *flag.FlagSet) func(context.Context, *call) error {
			q := page.Query{Where: page.Where{Args: map[string]any{}}}
			fs.StringVar(&q.Where.Expr, "where", "", "condition: a CEL `expression`")
			fs.Func("arg", "argument of the condition, as `NAME=VALUE`", func(s string) error { return addArg(q.Where.Args, s) })
			fs.StringVar(&q.Sort, "sort", "", "`field` to sort by, with - before it for descending order; by id without it")
			fs.IntVar(&q.Limit, "limit", page.DefaultLimit, "records on a page, a `number` up to 1000")
			fs.StringVar(&q.Cursor, "cursor", "", "where to go on: the `cursor` that the page before ended with")
			reveal := fs.Bool("reveal", false, "show personal data in clear")
			var of ident.ID
			fs.TextVar(&of, "customer", ident.ID{}, "the `id` of a customer, for the records that belong to it")
			return func(ctx context.Context, c *call) error { return c.list(ctx, of, q, *reveal) }
		},
	}
}

func (c *call) list(ctx context.Context, of ident.ID, q page.Query, reveal bool) (err error) {
	if len(c.args) != 1 {
		return usage("want one entity: %s", strings.Join(entityNames(), ", "))
	}
	e, err := findEntity(c.args[0])
	if err != nil {
		return err
	}
	if q.Limit < 1 || q.Limit > page.MaxLimit {
		return usage("--limit: want 1 to %d, have %d", page.MaxLimit, q.Limit)
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
	var got page.Page[schema.Aggregate]
	if of.IsZero() {
		got, err = records.Page(ctx, q)
	} else {
		got, err = records.PageOf(ctx, of, q)
	}
	if err != nil {
		return err
	}
	return c.printPage(got, e.columns, reveal)
}

var argName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// addArg reads NAME=VALUE or NAME:TYPE=VALUE.
func addArg(args map[string]any, s string) error {
	name, value, ok := strings.Cut(s, "=")
	name, typ, typed := strings.Cut(name, ":")
	switch _, twice := args[name]; {
	case !ok:
		return fmt.Errorf("want NAME=VALUE")
	case !argName.MatchString(name):
		return fmt.Errorf("the name wants lower-case letters, digits and underscores, a letter first")
	case twice:
		return fmt.Errorf("%s is given twice", name)
	case !typed:
		args[name] = guess(value)
		return nil
	}
	t, ok := rule.ParseType(typ)
	if !ok {
		return fmt.Errorf("%q is no type: want bool, int, float, text, time, date, money, id or texts", typ)
	}
	v, err := parseAs(t, value)
	if err != nil {
		return fmt.Errorf("%s is no %s", name, typ)
	}
	args[name] = v
	return nil
}

// guess gives the value the type that its form suggests, text without any.
func guess(s string) any {
	for _, t := range []rule.Type{rule.TypeBool, rule.TypeInt, rule.TypeDate, rule.TypeTime, rule.TypeMoney, rule.TypeID, rule.TypeFloat} {
		if v, err := parseAs(t, s); err == nil {
			return v
		}
	}
	return s
}

var decimal = regexp.MustCompile(`^-?[0-9]+\.[0-9]+$`)

func parseAs(t rule.Type, s string) (any, error) {
	switch t {
	case rule.TypeBool:
		if s == "true" || s == "false" {
			return s == "true", nil
		}
	case rule.TypeInt:
		return strconv.ParseInt(s, 10, 64)
	case rule.TypeFloat:
		if decimal.MatchString(s) {
			return strconv.ParseFloat(s, 64)
		}
	case rule.TypeTime:
		return time.Parse(time.RFC3339Nano, s)
	case rule.TypeDate:
		return date.Parse(s)
	case rule.TypeMoney:
		return money.Parse(s)
	case rule.TypeID:
		return ident.Parse(s)
	case rule.TypeTexts:
		return strings.Split(s, ","), nil
	case rule.TypeText:
		return s, nil
	case rule.TypeNone:
	}
	return nil, strconv.ErrSyntax
}
