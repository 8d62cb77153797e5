package suite_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
	"github.com/rapport-crm/rapport/pipeline"
)

// given makes a record under an id of the caller's, by kind. It belongs to the customer, as far as the kind belongs to any.
func given(w *world) map[string]func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
	w.withBoats()
	return map[string]func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error){
		"customer": func(ctx context.Context, s *crm.Session, id, _ ident.ID) (any, error) {
			d := w.personDraft()
			d.ID = id
			return on(s.Customers.Create(ctx, d))
		},
		"relationship": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			return on(s.Customers.Relate(ctx, customer.RelationshipDraft{ID: id, Type: customer.Supplier, From: of, To: w.person().ID}))
		},
		"interaction": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			d := talkWith(of)
			d.ID = id
			return on(s.Interactions.Log(ctx, d))
		},
		"lead": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			return on(s.Leads.Create(ctx, pipeline.LeadDraft{ID: id, Customer: of}))
		},
		"opportunity": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			return on(s.Opportunities.Create(ctx, pipeline.OpportunityDraft{ID: id, Customer: of}))
		},
		"case": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			d := complaint(of)
			d.ID = id
			return on(s.Cases.Open(ctx, d))
		},
		"consent": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			d := yes(of)
			d.ID = id
			return on(s.Consents.Give(ctx, d))
		},
		"claim": func(ctx context.Context, s *crm.Session, id, _ ident.ID) (any, error) {
			r := w.request()
			r.ID = id
			return on(s.Claims.Acquire(ctx, r))
		},
		"object.boat": func(ctx context.Context, s *crm.Session, id, of ident.ID) (any, error) {
			d := boat(w.next(), of, 7)
			d.ID = id
			return on(s.Objects("boat").Create(ctx, d))
		},
		"campaign": func(ctx context.Context, s *crm.Session, id, _ ident.ID) (any, error) {
			return on(w.campaigns.As(s.Scope()).Create(ctx, campaign.Draft{ID: id, Name: w.next()}))
		},
	}
}

// loaded makes records under ids of the caller's by a load.
func loaded(w *world) map[string]func(ctx context.Context, ids []ident.ID) (work.LoadReport, error) {
	of := w.person().ID
	return map[string]func(ctx context.Context, ids []ident.ID) (work.LoadReport, error){
		"customer": func(ctx context.Context, ids []ident.ID) (work.LoadReport, error) {
			return w.s.Customers.Load(ctx, under(ids, func(id ident.ID) customer.Draft { d := w.personDraft(); d.ID = id; return d }), nil)
		},
		"lead": func(ctx context.Context, ids []ident.ID) (work.LoadReport, error) {
			return w.s.Leads.Load(ctx, under(ids, func(id ident.ID) pipeline.LeadDraft { return pipeline.LeadDraft{ID: id, Customer: of} }), nil)
		},
		"opportunity": func(ctx context.Context, ids []ident.ID) (work.LoadReport, error) {
			return w.s.Opportunities.Load(ctx, under(ids, func(id ident.ID) pipeline.OpportunityDraft {
				return pipeline.OpportunityDraft{ID: id, Customer: of}
			}), nil)
		},
		"campaign": func(ctx context.Context, ids []ident.ID) (work.LoadReport, error) {
			return w.campaigns.As(w.s.Scope()).Load(ctx, under(ids, func(id ident.ID) campaign.Draft { return campaign.Draft{ID: id, Name: w.next()} }), nil)
		},
	}
}

// under returns a draft for each id.
func under[D any](ids []ident.ID, draft func(id ident.ID) D) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for _, id := range ids {
			if !yield(draft(id), nil) {
				return
			}
		}
	}
}

// requireAt requires a fault of a code at a field.
func requireAt(w *world, err error, code fault.Code, field, where string) {
	w.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	require.True(w, ok && f.Code == code && f.Field == field, "%s: %v", where, err)
}

// An id names one record of a tenant, whatever its kind, and those of the CRM itself nobody takes. A load leaves out the
// row that tries.
func TestAnIDNamesOneRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, c := w.Context(), w.person()
		for kind, create := range given(w) {
			taken := c.ID
			if kind == "customer" {
				taken = w.lead().ID
			}
			_, err := create(ctx, w.s, taken, c.ID)
			requireAt(w, err, fault.Conflict, "id", kind)
			f, _ := errors.AsType[*fault.Error](err)
			require.Equal(t, work.ReasonTaken, f.Reason, kind)
			for _, id := range []ident.ID{tenant.SettingsID, custom.LayoutID} {
				_, err = create(ctx, w.s, id, c.ID)
				requireAt(w, err, fault.Invalid, "id", kind)
			}
			_, err = create(ctx, w.s, ident.New(), c.ID)
			require.NoError(t, err, kind)
		}
		for kind, load := range loaded(w) {
			taken := c.ID
			if kind == "customer" {
				taken = w.lead().ID
			}
			report, err := load(ctx, []ident.ID{ident.New(), taken, ident.New(), tenant.SettingsID, ident.New()})
			require.NoError(t, err, kind)
			require.Equal(t, 3, report.Created, kind)
			require.Len(t, report.Faults, 2, kind)
			requireAt(w, report.Faults[0].Err, fault.Conflict, "id", kind)
			requireAt(w, report.Faults[1].Err, fault.Invalid, "id", kind)
		}
	})
}
