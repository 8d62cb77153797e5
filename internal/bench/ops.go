package bench

import (
	"context"
	"fmt"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
)

// The operations.
const (
	opGet       = "customer.get"       // one customer with points and external ids, addresses stay sealed
	opReveal    = "customer.reveal"    // the same, addresses opened; the peers get the sealed bytes
	opList      = "customer.list"      // 50 people of a team by name, first and later pages
	opTimeline  = "customer.timeline"  // the newest 20 entries of a customer with 40 contacts
	opSearch    = "customer.search"    // by the whole name, at most 20
	opDeals     = "opportunity.list"   // 50 open opportunities by amount, first and later pages
	opCases     = "case.list"          // 50 open cases by the time when they must be resolved, first and later pages
	opInsert    = "customer.insert"    // one person with e-mail, telephone and external id, own commit
	opUpsert    = "customer.upsert"    // by external id, the name changes, own commit
	opCreate    = "opportunity.create" // in the first stage of the standard pipeline, own commit
	opMove      = "opportunity.move"   // to the next stage and back, own commit
	opOpen      = "case.open"          // with both clocks and their four timers, own commit
	opImport    = "customer.import"    // many new customers in one load; times are for one of them
	manyCalls   = 1000                 // different calls of an operation that reads
	fewCalls    = 64                   // different calls of one that reads much
	manyChanges = 128                  // different writes, and records of each side that change
	pageSize    = 50
)

// Ops returns the names of the operations in the order in which they are measured: reads before writes.
func Ops() []string {
	return []string{
		opGet, opReveal, opList, opTimeline, opSearch, opDeals, opCases,
		opInsert, opUpsert, opCreate, opMove, opOpen, opImport,
	}
}

// operation is one operation on one database, ready to be called.
type operation struct {
	name   string
	writes bool
	takes  int    // how many scripts the peers get
	again  int    // how many variants each has; more than one for what changes what it finds
	fresh  bool   // see script.Builder
	mark   string // see script.Builder
	// taken is run number variant of script number k, and says what a peer asks to do the same.
	taken func(ctx context.Context, s *crm.Session, a *asked, k, variant int) error
	// ours is call number n of the measurement.
	ours func(ctx context.Context, s *crm.Session, n int) error
}

// asked is what a peer reads, and the ids that it is given.
type asked struct {
	builder *script.Builder
	queries []script.Query
	given   []ident.ID
}

// ask adds a query whose first argument is the tenant; see script.Builder.Query.
func (a *asked) ask(text string, rows int, args ...any) error {
	q, err := a.builder.Query(text, int64(rows), append([]any{sample.BigTenant}, args...)...)
	a.queries = append(a.queries, q)
	return err
}

// reading is an operation that changes nothing: ours and the peers do the same calls.
func reading(name string, calls int, call func(ctx context.Context, s *crm.Session, k int) error,
	taken func(ctx context.Context, s *crm.Session, a *asked, k int) error,
) *operation {
	return &operation{
		name: name, takes: calls, again: 1,
		taken: func(ctx context.Context, s *crm.Session, a *asked, k, _ int) error { return taken(ctx, s, a, k) },
		ours:  func(ctx context.Context, s *crm.Session, n int) error { return call(ctx, s, n%calls) },
	}
}

// operation prepares one by name.
func (w *world) operation(ctx context.Context, name string) (*operation, error) {
	switch name {
	case opGet, opReveal:
		return w.gets(ctx, name)
	case opList:
		return w.lists(ctx)
	case opTimeline:
		return w.timelines(), nil
	case opSearch:
		return w.searches(), nil
	case opInsert:
		return w.inserts(), nil
	case opUpsert:
		return w.upserts(), nil
	case opDeals:
		return w.deals(ctx)
	case opCreate:
		return w.creates(ctx)
	case opMove:
		return w.moves(ctx)
	case opCases:
		return w.cases(ctx)
	case opOpen:
		return w.opens(ctx)
	}
	return nil, fmt.Errorf("bench: there is no operation %q", name)
}

// full refuses an answer that is shorter than the operation promises.
func full(err error, op string, got, want int) error {
	if err == nil && got != want {
		err = fmt.Errorf("bench: %s gave %d rows, want %d", op, got, want)
	}
	return err
}

// columns returns those of a table that are part of a record.
func (w *world) columns(table, alias string) string {
	return w.tables[table].Select(alias, "tenant_id", "deleted_at", "search", "tax_id")
}

// lock returns what keeps a row that a peer reads from others until it has written it. SQLite has one writer anyway.
func (w *world) lock(alias string) string {
	if w.dialect == SQLite {
		return ""
	}
	return " FOR NO KEY UPDATE OF " + alias
}

// pager gives the page of a list that begins after a cursor.
type pager[F, T any] func(ctx context.Context, s *crm.Session, filter F, cursor string) (page.Page[T], error)

// listed is one full page of a list.
type listed[F, T any] struct {
	filter F
	cursor string
	after  *T // the record before the page; nil for the first page
	page   page.Page[T]
}

// read is how many rows a list reads for the page: one more than it gives tells whether there is another page.
func (p *listed[F, T]) read() int {
	if p.page.Next == "" {
		return len(p.page.Items)
	}
	return len(p.page.Items) + 1
}

// walk returns the first pages of a list, as many as are full, so that pages after a cursor are measured, too.
func walk[F, T any](ctx context.Context, s *crm.Session, filter F, deep int, get pager[F, T]) ([]listed[F, T], error) {
	var out []listed[F, T]
	next := listed[F, T]{filter: filter}
	for range deep {
		p, err := get(ctx, s, filter, next.cursor)
		if err != nil {
			return nil, err
		}
		if len(p.Items) < pageSize {
			break
		}
		next.page = p
		out = append(out, next)
		if p.Next == "" {
			break
		}
		next.cursor, next.after = p.Next, &p.Items[pageSize-1]
	}
	return out, nil
}

// listing is the operation that reads those pages.
func listing[F, T any](name string, pages []listed[F, T], get pager[F, T],
	ask func(ctx context.Context, a *asked, p *listed[F, T]) error,
) (*operation, error) {
	if len(pages) == 0 {
		return nil, fmt.Errorf("bench: %s has no page of %d: more rows are needed", name, pageSize)
	}
	call := func(ctx context.Context, s *crm.Session, k int) error {
		p, err := get(ctx, s, pages[k].filter, pages[k].cursor)
		return full(err, name, len(p.Items), pageSize)
	}
	return reading(name, len(pages), call, func(ctx context.Context, _ *crm.Session, a *asked, k int) error {
		return ask(ctx, a, &pages[k])
	}), nil
}
