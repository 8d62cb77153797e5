package bench

import (
	"context"
	"fmt"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
)

// The operations.
const (
	opGet      = "customer.get"      // one customer with points and external ids, addresses stay sealed
	opReveal   = "customer.reveal"   // the same, addresses opened; the peers get the sealed bytes
	opList     = "customer.list"     // 50 people of a team by name, first and later pages
	opTimeline = "customer.timeline" // the newest 20 entries of a customer with 40 contacts
	opSearch   = "customer.search"   // by the whole name, at most 20
	opInsert   = "customer.insert"   // one person with e-mail, telephone and external id, own commit
	opUpsert   = "customer.upsert"   // by external id, the name changes, own commit
	opImport   = "customer.import"   // many new customers in one load; times are for one of them
)

// Ops returns the names of the operations in the order in which they are measured: reads before writes.
func Ops() []string {
	return []string{opGet, opReveal, opList, opTimeline, opSearch, opInsert, opUpsert, opImport}
}

// operation is one operation on one database, ready to be called.
type operation struct {
	name  string
	takes int  // how many scripts the peers get
	again int  // how many variants each has; more than one for what changes what it finds
	renew bool // marks in text, and digests, must be new at each run
	// recorded is run number variant of script number k.
	recorded func(ctx context.Context, s *crm.Session, k, variant int) error
	// ours is call number n of the measurement.
	ours func(ctx context.Context, s *crm.Session, n int) error
}

// reading is an operation that changes nothing: ours and the peers do the same calls.
func reading(name string, calls int, call func(ctx context.Context, s *crm.Session, k int) error) *operation {
	return &operation{
		name: name, takes: calls, again: 1,
		recorded: func(ctx context.Context, s *crm.Session, k, _ int) error { return call(ctx, s, k) },
		ours:     func(ctx context.Context, s *crm.Session, n int) error { return call(ctx, s, n%calls) },
	}
}

// How many different calls an operation is measured with.
const (
	manyCalls   = 1000
	fewCalls    = 64
	manyChanges = 256 // customers that change, of each side
)

// operation prepares one by name.
func (w *world) operation(ctx context.Context, name string, busy []ident.ID) (*operation, error) {
	switch name {
	case opGet, opReveal:
		return w.gets(ctx, name)
	case opList:
		return w.lists(ctx)
	case opTimeline:
		return reading(name, len(busy), func(ctx context.Context, s *crm.Session, k int) error {
			p, err := s.Interactions.Timeline(ctx, busy[k], page.Query{Limit: 20})
			return full(err, name, len(p.Items), 20)
		}), nil
	case opSearch:
		numbers := w.sample(min(manyCalls, w.rows/4), 3)
		return reading(name, len(numbers), func(ctx context.Context, s *crm.Session, k int) error {
			found, err := s.Customers.Search(ctx, w.people.Name(numbers[k]), 20)
			return full(err, name, min(len(found), 1), 1)
		}), nil
	case opInsert:
		return w.inserts(), nil
	case opUpsert:
		return w.upserts(), nil
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

func (w *world) gets(ctx context.Context, name string) (*operation, error) {
	ids, err := w.resolve(ctx, w.sample(min(manyCalls, w.rows/4), 1))
	if err != nil {
		return nil, err
	}
	return reading(name, len(ids), func(ctx context.Context, s *crm.Session, k int) error {
		c, err := s.Customers.Get(ctx, ids[k])
		if err == nil && name == opReveal {
			for i := range c.Points {
				if c.Points[i].Value.Reveal() == "" {
					return fmt.Errorf("bench: %s: an address is empty", name)
				}
			}
		}
		return full(err, name, len(c.Points), 2)
	}), nil
}

// lists walks a few pages of each team's people first, so that pages after a cursor are measured too.
func (w *world) lists(ctx context.Context) (*operation, error) {
	const size, deep = 50, fewCalls / teams
	var filters []customer.Filter
	s := w.session(w.ours, bigTenant)
	for t := range teams {
		f := customer.Filter{
			Kinds: []customer.Kind{customer.Person}, OwnerTeam: fmt.Sprintf("team-%d", t),
			Query: page.Query{Sort: "name", Limit: size},
		}
		for range deep {
			p, err := s.Customers.Page(ctx, f)
			if err != nil {
				return nil, err
			}
			if len(p.Items) < size {
				break
			}
			filters = append(filters, f)
			if f.Query.Cursor = p.Next; p.Next == "" {
				break
			}
		}
	}
	if len(filters) == 0 {
		return nil, fmt.Errorf("bench: no team has %d people: more rows are needed", size)
	}
	return reading(opList, len(filters), func(ctx context.Context, s *crm.Session, k int) error {
		p, err := s.Customers.Page(ctx, filters[k])
		return full(err, opList, len(p.Items), size)
	}), nil
}

// inserts creates one new person after the other; a person is never made twice.
func (w *world) inserts() *operation {
	create := func(ctx context.Context, s *crm.Session) error {
		for {
			i := w.next
			w.next++
			if d, ok := w.people.Draft(i).(customer.PersonDraft); ok {
				_, err := s.Customers.Create(ctx, d)
				return err
			}
		}
	}
	return &operation{
		name: opInsert, takes: manyCalls, again: 1, renew: true,
		recorded: func(ctx context.Context, s *crm.Session, _, _ int) error { return create(ctx, s) },
		ours:     func(ctx context.Context, s *crm.Session, _ int) error { return create(ctx, s) },
	}
}

// upserts brings another family name to customers that are there, forth and back. Ours and the peers have customers
// of their own, because each side must know the version it finds.
func (w *world) upserts() *operation {
	numbers := w.sample(min(2*manyChanges, w.rows/4), 2)
	theirs, ours := numbers[:len(numbers)/2], numbers[len(numbers)/2:]
	upsert := func(ctx context.Context, s *crm.Session, i, round int) error {
		d := w.people.Draft(i)
		name := "Featherstonehaugh" // neither is a name of the generator
		if round%2 == 1 {
			name = "Zimmermann"
		}
		switch x := d.(type) {
		case customer.PersonDraft:
			x.Family = name
			d = x
		case customer.OrganizationDraft:
			x.Name = name
			d = x
		}
		_, err := s.Customers.Upsert(ctx, w.people.Ext(i), d)
		return err
	}
	return &operation{
		name: opUpsert, takes: len(theirs), again: 2,
		recorded: func(ctx context.Context, s *crm.Session, k, variant int) error {
			return upsert(ctx, s, theirs[k], variant)
		},
		ours: func(ctx context.Context, s *crm.Session, n int) error {
			return upsert(ctx, s, ours[n%len(ours)], n/len(ours))
		},
	}
}
