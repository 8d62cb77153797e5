package customer

import (
	"context"
	"errors"

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
// Each entry needs the right to read its record's entity; entries without it are left out. A page may be shorter than
// its limit although more follow: only a page without Next is the last.
//
// Errors: NotFound, Denied, Invalid for a malformed query.
func (cs Customers) Timeline(ctx context.Context, id ident.ID, q page.Query) (page.Page[Entry], error) {
	return work.View(ctx, cs.s.engine, cs.scope, "customer: timeline", EntityCustomer,
		func(ctx context.Context, c *work.Call) (page.Page[Entry], error) {
			var out page.Page[Entry]
			size, err := q.Size()
			if err == nil && (q.Sort != "" || q.Where.Expr != "") {
				err = fault.Field("query", "a timeline is newest first and whole: leave Sort and Where empty")
			}
			if err != nil {
				return out, err
			}
			rec, err := cs.s.visible(ctx, c, id)
			if err != nil {
				return out, err
			}
			t := timeline{s: cs.s, c: c, id: rec.ID, merged: rec.Merged, rights: map[string]*work.Call{}}
			if err := t.open(ctx, q.Cursor); err != nil {
				return out, err
			}
			return t.page(ctx, size)
		})
}

// timeline is one page under way.
type timeline struct {
	s      *Module
	c      *work.Call
	id     ident.ID
	merged bool
	after  *Place
	rights map[string]*work.Call // by entity; nil value: none
}

// page collects entries the caller may see.
func (t *timeline) page(ctx context.Context, size int) (out page.Page[Entry], err error) {
	out.Items = make([]Entry, 0, size)
	for scanned := 0; ; {
		want := size - len(out.Items) + 1
		batch, err := t.s.store.TimelineOf(ctx, t.c, t.id, t.merged, t.after, want)
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

// show reports whether the caller may see an entry, and masks it.
func (t *timeline) show(ctx context.Context, e *Entry) (bool, error) {
	c, err := t.right(ctx, e.Record.Entity)
	if err != nil || c == nil {
		return false, err
	}
	if e.Interaction != nil {
		if !allowed(c, e.Interaction) {
			return false, nil
		}
		c.Mask(e.Interaction)
		return true, nil
	}
	return c.Access.Rows.IsTrue() || c.Access.Rows.Eval(owners{e.OwnerUser, e.OwnerTeam}) == rule.Yes, nil
}

// right compiles the caller's right to read an entity, once per page.
func (t *timeline) right(ctx context.Context, entity string) (*work.Call, error) {
	if c, ok := t.rights[entity]; ok {
		return c, nil
	}
	acc, err := t.c.AccessTo(ctx, entity, work.Read)
	if errors.Is(err, fault.ErrDenied) {
		t.rights[entity] = nil
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &work.Call{Scope: t.c.Scope, Engine: t.c.Engine, Action: work.Read, Access: acc, Now: t.c.Now}
	if entity == EntityInteraction {
		if c.Entity, err = t.c.Engine.Schemas.Entity(ctx, t.c.Unit, t.c.Tenant(), entity); err != nil {
			return nil, err
		}
	}
	t.rights[entity] = c
	return c, nil
}

// owners are the fields of a record that a timeline keeps. A row predicate over others is unknown, so it hides.
type owners struct{ user, team string }

// Field implements [rule.Named].
func (o owners) Field(name string) rule.Value {
	switch {
	case name == "owner_user" && o.user != "":
		return rule.Text(o.user)
	case name == "owner_team" && o.team != "":
		return rule.Text(o.team)
	}
	return rule.Blank
}

// digest names the timeline, so that a cursor of one is not taken for another.
func (t *timeline) digest() (d [16]byte) {
	copy(d[:], "timeline")
	for i, b := range t.id {
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
