package activity

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// maxScan bounds how many entries one page of a timeline looks at, when the caller may see few of them.
const maxScan = 5000

// Timeline returns one page of what happened with a customer, and with those merged into it, newest first:
// interactions, moves, relationships, and what other domains put there. Of the query, Limit and Cursor count.
//
// Each entry needs the right to read its record's kind; entries without it are left out. A page may be shorter than
// its limit although more follow: only a page without Next is the last.
//
// Errors: NotFound for the customer; Denied; Invalid for a malformed query.
func (is Interactions) Timeline(ctx context.Context, customer ident.ID, q page.Query) (page.Page[Entry], error) {
	return work.View(ctx, is.m.engine, *is.scope, "customer: timeline", "customer",
		func(ctx context.Context, c *work.Call) (page.Page[Entry], error) {
			size, err := q.Size()
			if err == nil && (q.Sort != "" || q.Search != "" || q.Where.Expr != "") {
				err = fault.Field("query", "a timeline is newest first and whole: leave Sort, Search and Where empty")
			}
			if err != nil {
				return page.Page[Entry]{}, err
			}
			t := timeline{m: is.m, c: c, customer: customer, sight: c.Visibility()}
			if err := t.open(ctx, q.Cursor); err != nil {
				return page.Page[Entry]{}, err
			}
			return t.page(ctx, size)
		})
}

// timeline is one page under way.
type timeline struct {
	m        *Module
	c        *work.Call
	customer ident.ID
	ids      []ident.ID // under which the entries stand
	after    *Place
	sight    *work.Visibility
}

// page collects entries the caller may see.
func (t *timeline) page(ctx context.Context, size int) (out page.Page[Entry], err error) {
	out.Items = make([]Entry, 0, size)
	for scanned := 0; ; {
		want := size - len(out.Items) + 1
		batch, err := t.next(ctx, want)
		if err != nil {
			return out, err
		}
		for i := range batch {
			e := &batch[i]
			ok, err := t.show(ctx, e)
			if err != nil {
				return out, err
			}
			if ok && len(out.Items) == size {
				out.Next, err = t.cursor(ctx)
				return out, err
			}
			t.after = &Place{At: e.At, Event: e.Event}
			if ok {
				out.Items = append(out.Items, *e)
			}
		}
		if len(batch) < want {
			return out, nil
		}
		if scanned += len(batch); scanned >= maxScan {
			out.Next, err = t.cursor(ctx)
			return out, err
		}
	}
}

// next returns the next entries. The first ones are asked for together with the question whether the customer may be seen:
// nearly always it has one id, which is the one that was asked for.
func (t *timeline) next(ctx context.Context, want int) ([]Entry, error) {
	if t.ids == nil {
		resolve := t.m.customers.ResolveLater(ctx, t.c.Scope, t.customer, work.Read)
		entries := t.m.store.TimelineLater(ctx, t.c, t.customer, t.after, want)
		var err error
		if t.ids, err = resolve(ctx); err != nil {
			return nil, err
		}
		if len(t.ids) == 1 && t.ids[0] == t.customer {
			return entries(ctx)
		}
	}
	waits := make([]func(context.Context) ([]Entry, error), len(t.ids))
	for i, id := range t.ids {
		waits[i] = t.m.store.TimelineLater(ctx, t.c, id, t.after, want)
	}
	var out []Entry
	for _, wait := range waits {
		list, err := wait(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortStableFunc(out, newestFirst)
	// An event that concerns several of the ids stands under each.
	out = slices.CompactFunc(out, func(a, b Entry) bool { return a.Event == b.Event })
	return out[:min(want, len(out))], nil
}

func newestFirst(a, b Entry) int {
	if x := b.At.Compare(a.At); x != 0 {
		return x
	}
	return b.Event.Compare(a.Event)
}

// show reports whether the caller may see an entry, and masks it.
func (t *timeline) show(ctx context.Context, e *Entry) (bool, error) {
	if e.Interaction != nil {
		return t.sight.Mask(ctx, EntityInteraction, e.Interaction)
	}
	return t.sight.Owned(ctx, e.Record.Entity, e.OwnerUser, e.OwnerTeam)
}

// digest names the timeline, so that a cursor of one is not taken for another.
func (t *timeline) digest() (d [16]byte) {
	copy(d[:], "timeline")
	for i, b := range t.customer {
		d[i] ^= b
	}
	return d
}

func (t *timeline) cursor(ctx context.Context) (string, error) {
	key, err := rule.Time(t.after.At).MarshalBinary()
	if err != nil {
		return "", err
	}
	return t.c.Engine.Cursors.Seal(ctx, t.c.Tenant(), page.Position{Query: t.digest(), Key: key, ID: t.after.Event})
}

func (t *timeline) open(ctx context.Context, cursor string) error {
	if cursor == "" {
		return nil
	}
	p, err := t.c.Engine.Cursors.Open(ctx, t.c.Tenant(), cursor)
	if err != nil {
		return err
	}
	var at rule.Value
	if p.Query != t.digest() || at.UnmarshalBinary(p.Key) != nil || at.Type() != rule.TypeTime {
		return fault.Field("cursor", "the cursor belongs to another query: begin again without one")
	}
	t.after = &Place{At: at.Time(), Event: p.ID}
	return nil
}
