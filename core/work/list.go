package work

import (
	"context"
	"iter"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Cursors seals and opens page positions, so that a cursor can be handed to strangers and not be forged or read.
type Cursors interface {
	// Seal must return an opaque text, safe in URLs.
	Seal(ctx context.Context, tenant string, p page.Position) (string, error)
	// Open must return what Seal was given, or an Invalid fault of field "cursor".
	Open(ctx context.Context, tenant, cursor string) (page.Position, error)
}

// Listing is one page's worth of work for a store.
type Listing struct {
	Where    rule.Predicate // access, filter and expression together
	Subjects []ident.ID     // only records that belong to one of these; nil for all
	Search   string         // only records whose searchable text has every word of this; "" for all
	Sort     page.Sort      // field and direction; ties are broken by id in the same direction
	After    *page.Position // nil on the first page
	Limit    int            // how many rows to return at most: one more than the page holds
}

// Rows are the records of a listing, in order, as the store has them: not yet masked.
type Rows[T any] struct {
	Records []T          // no more than the listing's limit
	Keys    []rule.Value // what each is sorted by, for the cursor after it; nil where that is the record's own field
}

// list runs one page: access, filter, expression and cursor become one [Listing]; what load returns is masked. The
// fields that a caller may not see cannot be filtered or sorted by.
func list[T any](ctx context.Context, c *Call, l Listing, filter rule.Predicate, q page.Query,
	load func(ctx context.Context, c *Call, l Listing) (Rows[T], error),
) (out page.Page[T], err error) {
	digest, err := c.listing(ctx, &l, filter, q)
	if err != nil {
		return out, err
	}
	rows, err := load(ctx, c, l)
	if err != nil {
		return out, err
	}
	return paged(ctx, c, l, digest, rows)
}

// paged makes a page of the rows of a listing.
func paged[T any](ctx context.Context, c *Call, l Listing, digest [16]byte, rows Rows[T]) (out page.Page[T], err error) {
	out.Items = rows.Records
	if len(out.Items) == l.Limit {
		at := l.Limit - 2
		last := &out.Items[at]
		key := c.Entity.Record(last).Field(l.Sort.Field)
		if rows.Keys != nil {
			key = rows.Keys[at]
		}
		if out.Next, err = c.cursor(ctx, digest, key, last); err != nil {
			return page.Page[T]{}, err
		}
		out.Items = slices.Delete(out.Items, at+1, l.Limit) // nobody may find it behind the page
	}
	if out.Items == nil {
		out.Items = []T{} // which JSON writes as []
	}
	for i := range out.Items {
		c.Mask(&out.Items[i])
	}
	return out, nil
}

// listing fills l by the query, and returns the digest that its cursors carry.
func (c *Call) listing(ctx context.Context, l *Listing, filter rule.Predicate, q page.Query) (digest [16]byte, err error) {
	size, err := q.Size()
	if err != nil {
		return digest, err
	}
	if l.Sort, err = page.ParseSort(q.Sort); err != nil {
		return digest, err
	}
	if err = c.CheckSort(l.Sort.Field); err != nil {
		return digest, err
	}
	if err = c.CheckFilter(filter); err != nil {
		return digest, err
	}
	if l.Search, err = c.search(q.Search); err != nil {
		return digest, err
	}
	expr, err := c.Where(ctx, q.Where)
	if err != nil {
		return digest, err
	}
	l.Where, l.Limit = rule.All(c.Access.Rows, filter, expr), size+1
	if digest, err = c.queryDigest(l.Subjects, filter, q); err != nil || q.Cursor == "" {
		return digest, err
	}
	p, err := c.Engine.Cursors.Open(ctx, c.Tenant(), q.Cursor)
	if err == nil && p.Query != digest {
		err = fault.Field("cursor", "the cursor belongs to another query: begin again without one")
	}
	l.After = &p
	return digest, err
}

// search checks the text that a list is searched by. The index does not keep the fields apart, so the caller must be
// allowed to see all of them.
func (c *Call) search(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	fields := slices.DeleteFunc(c.Entity.Fields(), func(f schema.Field) bool { return !f.Search })
	if len(fields) == 0 {
		return "", fault.Field("search", "the kind %s has no text that can be searched: use where", c.Entity.Name)
	}
	for _, f := range fields {
		if err := c.CheckField(f.Name); err != nil {
			return "", err
		}
	}
	return text, schema.CheckText("search", text, page.MaxSearch)
}

// CheckSort returns a fault for a field that this entity cannot be sorted by, or not by this caller.
func (c *Call) CheckSort(field string) error {
	f, ok := c.Entity.Field(field)
	if !ok || !f.Sortable {
		return fault.Field("sort", "cannot sort by %q: want one of %v", field, c.Entity.SortFields())
	}
	return c.CheckField(field)
}

// Page returns one page of the records that a domain's own filter and the query choose.
//
// Errors: Invalid for a malformed query or cursor; Denied, also for a filter or sort by a field that is hidden.
func (r *Records[T, P]) Page(ctx context.Context, s *Scope, filter rule.Predicate, q page.Query) (page.Page[T], error) {
	return r.PageOf(ctx, s, ident.ID{}, filter, q)
}

// PageOf is Page for the records of one customer, with those of customers merged into it; the zero id is everybody.
//
// Errors: as Page; NotFound for a customer that the scope may not see; Invalid without one for a kind that is read with its
// subject.
func (r *Records[T, P]) PageOf(ctx context.Context, s *Scope, subject ident.ID, filter rule.Predicate, q page.Query) (page.Page[T], error) {
	return View(ctx, r.engine, *s, r.op("list"), r.kind.Name(), func(ctx context.Context, c *Call) (page.Page[T], error) {
		switch {
		case subject.IsZero() && r.kind.WithSubject:
			return page.Page[T]{}, r.unnamed()
		case subject.IsZero():
			return list(ctx, c, Listing{}, filter, q, r.store.List)
		case len(c.Entity.SubjectFields()) == 0:
			return page.Page[T]{}, fault.Field("customer", "must be left out: the kind %s belongs to no customer", r.kind.Name())
		}
		if err := c.checkSubjects(); err != nil {
			return page.Page[T]{}, err
		}
		return r.pageOf(ctx, c, subject, filter, q)
	})
}

// pageOf asks for the customer, and for the page as if no other had been merged into it. That page is dropped where the
// scope may not see the customer, or where others were.
func (r *Records[T, P]) pageOf(ctx context.Context, c *Call, subject ident.ID, filter rule.Predicate, q page.Query) (out page.Page[T], err error) {
	resolve := func(ctx context.Context) ([]ident.ID, error) {
		return r.engine.Subjects.Resolve(ctx, c.Scope, subject, Read)
	}
	var ahead func(ctx context.Context) (page.Page[T], error)
	if s, ok := r.engine.Subjects.(SubjectsAhead); ok {
		resolve = s.ResolveLater(ctx, c.Scope, subject, Read)
		ahead = r.pageAhead(ctx, c, Listing{Subjects: []ident.ID{subject}}, filter, q)
	}
	ids, err := resolve(ctx)
	switch {
	case err != nil:
		return out, err
	case ahead != nil && slices.Equal(ids, []ident.ID{subject}):
		return ahead(ctx)
	}
	return list(ctx, c, Listing{Subjects: ids}, filter, q, r.store.List)
}

// pageAhead asks for a page and returns what waits for it, or nil where the store cannot, or where the query is refused.
func (r *Records[T, P]) pageAhead(ctx context.Context, c *Call, l Listing, filter rule.Predicate, q page.Query) func(ctx context.Context) (page.Page[T], error) {
	s, ok := r.store.(ListAhead[T])
	if !ok {
		return nil
	}
	digest, err := c.listing(ctx, &l, filter, q)
	if err != nil {
		return nil
	}
	wait := s.ListLater(ctx, c, l)
	return func(ctx context.Context) (page.Page[T], error) {
		rows, err := wait(ctx)
		if err != nil {
			return page.Page[T]{}, err
		}
		return paged(ctx, c, l, digest, rows)
	}
}

// checkSubjects refuses to narrow a list by whom records belong to when the call hides it.
func (c *Call) checkSubjects() error {
	for _, f := range c.Entity.SubjectFields() {
		if err := c.CheckField(f.Name); err != nil {
			return err
		}
	}
	return nil
}

// PageIn is PageOf for a domain that has resolved the customer.
func (r *Records[T, P]) PageIn(ctx context.Context, s *Scope, subjects []ident.ID, filter rule.Predicate, q page.Query) (page.Page[T], error) {
	return View(ctx, r.engine, *s, r.op("list"), r.kind.Name(), func(ctx context.Context, c *Call) (page.Page[T], error) {
		if err := c.checkSubjects(); err != nil {
			return page.Page[T]{}, err
		}
		return list(ctx, c, Listing{Subjects: subjects}, filter, q, r.store.List)
	})
}

// All ranges over every record of a list, page by page. It stops at the first error.
func All[T any](q page.Query, get func(q page.Query) (page.Page[T], error)) iter.Seq2[T, error] {
	return page.All(func(cursor string) (page.Page[T], error) {
		next := q
		if cursor != "" {
			next.Cursor = cursor
		}
		return get(next)
	})
}

// MaxCount is where [Records.Count] stops.
const MaxCount = 10_000

// Count returns how many records a list holds; more than [MaxCount] are MaxCount + 1, so that a count costs the same
// however many there are. Sort, limit and cursor of the query play no part.
//
// Errors: as Page.
func (r *Records[T, P]) Count(ctx context.Context, s *Scope, filter rule.Predicate, q page.Query) (int, error) {
	return View(ctx, r.engine, *s, r.op("count"), r.kind.Name(), func(ctx context.Context, c *Call) (int, error) {
		if r.kind.WithSubject {
			return 0, r.unnamed()
		}
		if err := c.CheckFilter(filter); err != nil {
			return 0, err
		}
		expr, err := c.Where(ctx, q.Where)
		if err != nil {
			return 0, err
		}
		l := Listing{Where: rule.All(c.Access.Rows, filter, expr)}
		if l.Search, err = c.search(q.Search); err != nil {
			return 0, err
		}
		return r.store.Count(ctx, c, l, MaxCount+1)
	})
}
