package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/service"
)

// What the peers ask about cases: the row, and the key that opens its subject and body.
const (
	sealer = `SELECT c.id, c.canonical_id, k.wrapped
		FROM crm_customer c LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = c.id
		WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`
	firstCases = `, k.wrapped FROM crm_case s LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = s.customer_id
		WHERE s.tenant_id = $1 AND s.state IN ('new', 'open', 'pending')`
	nextCases  = ` AND (s.resolution_due, s.id) > ($2, $3)`
	endOfCases = ` ORDER BY s.resolution_due, s.id LIMIT 51`
)

// There is one case for so many customers, within what a team would have open.
const (
	caseShare = 20
	minCases  = 2 * pageSize
	maxCases  = 2_000
	caseBatch = 250
)

// complain gives customers cases.
func (w *world) complain(ctx context.Context, log io.Writer) error {
	begin := time.Now()
	customers, err := w.someCustomers(ctx)
	if err != nil {
		return err
	}
	n := min(maxCases, max(minCases, w.rows/caseShare))
	for from := 0; from < n; from += caseBatch {
		err := w.session(w.ours, sample.BigTenant).InTx(ctx, func(ctx context.Context, s *crm.Session) error {
			for i := from; i < min(n, from+caseBatch); i++ {
				if _, err := s.Cases.Open(ctx, complaint(customers, i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "%s: %d cases opened in %.1f s\n", w.dialect, n, time.Since(begin).Seconds())
	return nil
}

// complaint returns case number i.
func complaint(customers []ident.ID, i int) service.CaseDraft {
	d := service.CaseDraft{
		Customer: customers[i%len(customers)], Subject: "The shelf squeaks", Body: "It has squeaked since Monday, order " + fmt.Sprint(i) + ".",
		OwnerUser: fmt.Sprintf("u-%d", i%sample.Users), OwnerTeam: fmt.Sprintf("team-%d", i%sample.Users%sample.Teams),
	}
	if i%8 == 0 {
		d.Priority = service.Urgent
	}
	return d
}

// cases measures the list of open cases, the most pressing first.
func (w *world) cases(ctx context.Context) (*operation, error) {
	get := func(ctx context.Context, s *crm.Session, f service.CaseFilter, cursor string) (page.Page[service.Case], error) {
		f.Query.Cursor = cursor
		return s.Cases.Page(ctx, f)
	}
	f := service.CaseFilter{Open: new(true), Query: page.Query{Sort: "resolution_due", Limit: pageSize}}
	pages, err := walk(ctx, w.session(w.ours, sample.BigTenant), f, fewCalls, get)
	if err != nil {
		return nil, err
	}
	text := "SELECT " + w.columns("crm_case", "s") + firstCases
	return listing(opCases, pages, get, func(_ context.Context, a *asked, p *listed[service.CaseFilter, service.Case]) error {
		if p.after == nil {
			return a.ask(text+endOfCases, p.read())
		}
		return a.ask(text+nextCases+endOfCases, p.read(), p.after.ResolutionDue, p.after.ID)
	})
}

// opens measures new cases.
func (w *world) opens(ctx context.Context) (*operation, error) {
	customers, err := w.someCustomers(ctx)
	if err != nil {
		return nil, err
	}
	open := func(ctx context.Context, s *crm.Session, n int) (service.Case, error) {
		return s.Cases.Open(ctx, complaint(customers, n))
	}
	return &operation{
		name: opOpen, writes: true, takes: manyChanges, again: 1, fresh: true,
		taken: func(ctx context.Context, s *crm.Session, a *asked, k, _ int) error {
			c, err := open(ctx, s, k)
			a.given = []ident.ID{c.Customer}
			return errors.Join(err, a.ask(sealer, 1, c.Customer))
		},
		ours: func(ctx context.Context, s *crm.Session, n int) error {
			_, err := open(ctx, s, n)
			return err
		},
	}, nil
}
