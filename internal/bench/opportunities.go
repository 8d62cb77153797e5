package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/pipeline"
)

// What the peers ask about opportunities.
const (
	customerOf = `SELECT c.id, c.canonical_id` + one
	standard   = `SELECT p.id, p.version, p.name, p.stages FROM crm_pipeline p WHERE p.tenant_id = $1 AND p.key = $2`
	pinned     = `SELECT p.id, v.version, v.name, v.stages
		FROM crm_pipeline p JOIN crm_pipeline_version v ON v.tenant_id = p.tenant_id AND v.pipeline_id = p.id
		WHERE p.tenant_id = $1 AND p.key = $2 AND v.version = $3`
	oneDeal    = ` FROM crm_opportunity o WHERE o.tenant_id = $1 AND o.id = $2 AND o.deleted_at IS NULL`
	firstDeals = ` FROM crm_opportunity o WHERE o.tenant_id = $1 AND o.deleted_at IS NULL AND o.category IN ('open', 'omitted')
		AND o.amount_minor IS NOT NULL`
	nextDeals  = ` AND (o.amount_minor, o.id) < ($2, $3)`
	endOfDeals = ` ORDER BY o.amount_minor DESC, o.id DESC LIMIT 51`
)

// There is one opportunity for so many customers, up to a number that a team would have open.
const (
	dealShare = 5
	maxDeals  = 5_000
	closed    = 5 // one in so many is won or lost
)

// sell gives customers opportunities in all stages.
func (w *world) sell(ctx context.Context, log io.Writer) error {
	begin := time.Now()
	customers, err := w.someCustomers(ctx)
	if err != nil {
		return err
	}
	n := min(maxDeals, w.rows/dealShare)
	s := w.session(w.ours, sample.BigTenant).From(personal.Source{System: sample.ExtSystem})
	rep, err := s.Opportunities.Load(ctx, func(yield func(pipeline.OpportunityDraft, error) bool) {
		for i := range n {
			if !yield(w.dealRow(customers, i), nil) {
				return
			}
		}
	}, &work.LoadOptions{History: true})
	if err == nil && len(rep.Faults) > 0 {
		err = fmt.Errorf("bench: %d opportunities were refused, the first: %w", len(rep.Faults), rep.Faults[0].Err)
	}
	fmt.Fprintf(log, "%s: %d opportunities loaded in %.1f s\n", w.dialect, rep.Created, time.Since(begin).Seconds())
	return err
}

// someCustomers returns ids of customers who get opportunities and cases.
func (w *world) someCustomers(ctx context.Context) ([]ident.ID, error) {
	return w.resolve(ctx, w.sample(min(manyCalls, w.rows/4), 4))
}

func (w *world) dealRow(customers []ident.ID, i int) pipeline.OpportunityDraft {
	stages := []string{"prospecting", "qualification", "proposal", "negotiation"}
	d := w.deal(customers[i%len(customers)], i)
	d.Stage = stages[i%len(stages)]
	if i%closed == 0 {
		d.Stage, d.ClosedOn = "won", d.CloseDate
	}
	return d
}

// deal returns opportunity number i.
func (w *world) deal(customer ident.ID, i int) pipeline.OpportunityDraft {
	r := rand.New(rand.NewPCG(w.people.Seed, uint64(i))) //nolint:gosec // sample data
	owner := r.IntN(sample.Users)
	day, _ := date.Of(2026, time.Month(1+r.IntN(12)), 1+r.IntN(28)) // they exist
	return pipeline.OpportunityDraft{
		Customer: customer, Name: fmt.Sprintf("%d units", 10+r.IntN(90)), Product: "shelf",
		Amount: money.Amount{Minor: 100 * (1_000 + r.Int64N(1_000_000)), Currency: "EUR"}, CloseDate: day,
		OwnerUser: fmt.Sprintf("u-%d", owner), OwnerTeam: fmt.Sprintf("team-%d", owner%sample.Teams),
	}
}

// deals measures the list of open opportunities, the greatest amounts first.
func (w *world) deals(ctx context.Context) (*operation, error) {
	get := func(ctx context.Context, s *crm.Session, f pipeline.OpportunityFilter, cursor string) (page.Page[pipeline.Opportunity], error) {
		f.Query.Cursor = cursor
		return s.Opportunities.Page(ctx, f)
	}
	f := pipeline.OpportunityFilter{Open: new(true), Query: page.Query{Sort: "-amount", Limit: pageSize}}
	pages, err := walk(ctx, w.session(w.ours, sample.BigTenant), f, fewCalls, get)
	if err != nil {
		return nil, err
	}
	text := "SELECT " + w.columns("crm_opportunity", "o") + firstDeals
	return listing(opDeals, pages, get, func(_ context.Context, a *asked, p *listed[pipeline.OpportunityFilter, pipeline.Opportunity]) error {
		if p.after == nil {
			return a.ask(text+endOfDeals, p.read())
		}
		return a.ask(text+nextDeals+endOfDeals, p.read(), p.after.Amount.Minor, p.after.ID)
	})
}

// creates measures new opportunities in the first stage.
func (w *world) creates(ctx context.Context) (*operation, error) {
	customers, err := w.someCustomers(ctx)
	if err != nil {
		return nil, err
	}
	create := func(ctx context.Context, s *crm.Session, n int) (pipeline.Opportunity, error) {
		return s.Opportunities.Create(ctx, w.deal(customers[n%len(customers)], n))
	}
	return &operation{
		name: opCreate, writes: true, takes: manyChanges, again: 1, fresh: true,
		taken: func(ctx context.Context, s *crm.Session, a *asked, k, _ int) error {
			o, err := create(ctx, s, k)
			a.given = []ident.ID{o.Customer}
			return errors.Join(err, a.ask(customerOf, 1, o.Customer), a.ask(standard, 1, o.Pipeline))
		},
		ours: func(ctx context.Context, s *crm.Session, n int) error {
			_, err := create(ctx, s, n)
			return err
		},
	}, nil
}

// moves measures moves to the next stage and back. Ours and the peers have opportunities of their own, because each
// side must know the version it finds.
func (w *world) moves(ctx context.Context) (*operation, error) {
	customers, err := w.someCustomers(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]ident.ID, 2*manyChanges)
	s := w.session(w.ours, sample.BigTenant)
	for i := range ids {
		o, err := s.Opportunities.Create(ctx, w.deal(customers[i%len(customers)], i))
		if err != nil {
			return nil, err
		}
		ids[i] = o.ID
	}
	theirs, ours := ids[:len(ids)/2], ids[len(ids)/2:]
	move := func(ctx context.Context, s *crm.Session, id ident.ID, round int) (pipeline.Opportunity, error) {
		stage := "qualification"
		if round%2 == 1 {
			stage = "prospecting"
		}
		return s.Opportunities.Move(ctx, id, stage)
	}
	text := "SELECT " + w.columns("crm_opportunity", "o") + oneDeal + w.lock("o")
	return &operation{
		name: opMove, writes: true, takes: len(theirs), again: 2,
		taken: func(ctx context.Context, s *crm.Session, a *asked, k, variant int) error {
			o, err := move(ctx, s, theirs[k], variant)
			return errors.Join(err, a.ask(text, 1, o.ID), a.ask(pinned, 1, o.Pipeline, o.PipelineVersion))
		},
		ours: func(ctx context.Context, s *crm.Session, n int) error {
			_, err := move(ctx, s, ours[n%len(ours)], n/len(ours))
			return err
		},
	}, nil
}
