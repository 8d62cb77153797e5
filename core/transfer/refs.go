package transfer

import (
	"context"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Finder is a [work.Referee] that also knows its records by their ids in other systems: files name them so.
type Finder interface {
	// FindExt must return the ids of the records that have the external ids and that the scope may see. What is missing,
	// out of sight or malformed must be left out.
	FindExt(ctx context.Context, s *work.Scope, exts []ident.Ext) (map[ident.Ext]ident.ID, error)
}

// refs finds the records that rows name. A row names one by its id in the mapping's system, by SYSTEM/ID, or by the
// record's own id, whichever of these is found first: an id of another system may look like any of them.
type refs struct {
	t     Target
	known map[reference]ident.ID // zero for what names nothing
}

// reference is what a row says to name a record of a kind.
type reference struct{ kind, text string }

// resolve finds what the rows of a batch name, and notes as faults what names nothing.
func (x *refs) resolve(ctx context.Context, list []*Record) error {
	for _, f := range x.fields(list) {
		if err := x.learn(ctx, f, list); err != nil {
			return err
		}
		for _, r := range list {
			if text := r.Text(f.Name); text != "" {
				x.name(r, f, text)
			}
		}
	}
	return nil
}

// fields returns those that name records by ids in other systems.
func (x *refs) fields(list []*Record) []Field {
	var out []Field
	for _, f := range list[0].Fields() {
		if _, ok := x.t.engine.Referees[f.Ref].(Finder); ok {
			out = append(out, f)
		}
	}
	return out
}

// learn asks once for all that is not known yet.
func (x *refs) learn(ctx context.Context, f Field, list []*Record) error {
	var ask []ident.Ext
	texts := map[reference][]ident.Ext{}
	for _, r := range list {
		ref := reference{f.Ref, r.Text(f.Name)}
		if _, known := x.known[ref]; known || ref.text == "" || texts[ref] != nil {
			continue
		}
		texts[ref] = candidates(system(r, f), ref.text)
		ask = append(ask, texts[ref]...)
	}
	if len(texts) == 0 {
		return nil
	}
	finder, _ := x.t.engine.Referees[f.Ref].(Finder)
	found, err := finder.FindExt(ctx, x.t.scope, ask)
	if err != nil {
		return err
	}
	for ref, exts := range texts {
		x.known[ref] = chosen(ref.text, exts, found)
	}
	return nil
}

// system returns the one whose ids stand in a column.
func system(r *Record, f Field) string {
	if f.Ref == kindCustomer && r.t.m.Customers != "" {
		return r.t.m.Customers
	}
	return r.t.m.System
}

// candidates returns the external ids that a text may mean, the likeliest first.
func candidates(system, text string) []ident.Ext {
	out := []ident.Ext{}
	if system != "" {
		out = append(out, ident.Ext{System: system, ID: text})
	}
	if in, id, ok := strings.Cut(text, "/"); ok && in != "" && id != "" {
		out = append(out, ident.Ext{System: in, ID: id})
	}
	return out
}

func chosen(text string, exts []ident.Ext, found map[ident.Ext]ident.ID) ident.ID {
	for _, ext := range exts {
		if id := found[ext]; !id.IsZero() {
			return id
		}
	}
	id, _ := ident.Parse(text) // whether there is such a record is for the write to say
	return id
}

// name puts the id of what a row names into the row.
func (x *refs) name(r *Record, f Field, text string) {
	if r.ids == nil {
		r.ids = map[string]ident.ID{}
	}
	id := x.known[reference{f.Ref, text}]
	switch r.ids[f.Name] = id; {
	case !id.IsZero():
	case system(r, f) != "":
		r.Fault(f.Name, "no %s has this id in system %q: import the %s first", f.Ref, system(r, f), f.Ref)
	default:
		r.Fault(f.Name, "no %s has this id: want its own, or SYSTEM/ID of another system, such as erp/4711", f.Ref)
	}
}
