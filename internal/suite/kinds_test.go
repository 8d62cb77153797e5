package suite_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// samples make a record of each kind, by the kind's name, and return its id and whom it belongs to.
var samples = map[string]func(w *world) (id, subject ident.ID){
	"customer":     func(w *world) (id, subject ident.ID) { return w.person().ID, ident.ID{} },
	"relationship": func(w *world) (id, subject ident.ID) { r := w.relation(); return r.ID, r.From },
	"interaction":  func(w *world) (id, subject ident.ID) { i, c := w.talk(); return i.ID, c.ID },
	"pipeline": func(w *world) (id, subject ident.ID) {
		return must[pipeline.Pipeline](w)(w.s.Pipelines.Define(w.Context(), selling(w.next(), "Selling"))).ID, ident.ID{}
	},
	"lead":        func(w *world) (id, subject ident.ID) { l := w.lead(); return l.ID, l.Customer },
	"opportunity": func(w *world) (id, subject ident.ID) { o := w.deal(); return o.ID, o.Customer },
	"case": func(w *world) (id, subject ident.ID) {
		c := must[service.Case](w)(w.s.Cases.Open(w.Context(), complaint(w.person().ID)))
		return c.ID, c.Customer
	},
	"consent": func(w *world) (id, subject ident.ID) {
		c := must[privacy.Consent](w)(w.s.Consents.Give(w.Context(), yes(w.person().ID)))
		return c.ID, c.Subject
	},
	"suppression": func(w *world) (id, subject ident.ID) {
		return must[privacy.Suppression](w)(w.s.Consents.Suppress(w.Context(), privacy.ByEmail, w.next()+"@example.com", privacy.Requested)).ID, ident.ID{}
	},
	"send": func(w *world) (id, subject ident.ID) {
		c, key := must[privacy.Consent](w)(w.s.Consents.Give(w.Context(), yes(w.person().ID))), w.next()
		must[privacy.Decision](w)(w.s.Sends.Deliver(w.Context(), message(key, c.Subject), post))
		return must[privacy.Sending](w)(w.s.Sends.ByKey(w.Context(), key)).ID, c.Subject
	},
	"claim": func(w *world) (id, subject ident.ID) {
		return must[claim.Claim](w)(w.s.Claims.Acquire(w.Context(), w.request())).ID, ident.ID{}
	},
	"tenant": func(w *world) (id, subject ident.ID) {
		s := must[tenant.Settings](w)(w.s.Settings.Update(w.Context(), schema.AnyVersion, tenant.Update{Language: new("de")}))
		return s.ID, ident.ID{}
	},
	boats:      func(w *world) (id, subject ident.ID) { b := w.boat(); return b.ID, b.Customer },
	"campaign": func(w *world) (id, subject ident.ID) { return w.campaign().ID, ident.ID{} },
	"schema": func(w *world) (id, subject ident.ID) {
		must[schema.Field](w)(w.s.Schema.Define(w.Context(), field(w.next())))
		l, err := w.s.Schema.Layout(w.Context())
		require.NoError(w, err)
		return l.ID, ident.ID{}
	},
}

// eachKind runs a law for every kind of record, on every database, each in a tenant of its own.
func eachKind(t *testing.T, law func(w *world, k *work.Kind, r crm.Records)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		var names []string
		for _, k := range append(w.Kinds(), work.Find(crm.Kinds(), boats)) {
			require.NotNil(t, samples[k.Name()], "%s needs a sample in this package", k.Name())
			in := w.in("tenant-of-" + k.Name()).withBoats()
			law(in, k, must[crm.Records](in)(in.s.Records(k.Name())))
			names = append(names, k.Name())
		}
		require.Len(t, names, len(samples), "a sample of no kind")
		t.Logf("%s: %d kinds: %v", w.Backend.Name, len(names), names)
	})
}

// single reports whether a tenant has one record of the kind, under an id that is the same everywhere.
func single(k *work.Kind) bool { return k.Name() == "tenant" || k.Name() == "schema" }

// What was written is read by its id, among others, in lists by every order, and with its history.
func TestEveryKindIsRead(t *testing.T) {
	t.Parallel()
	eachKind(t, func(w *world, k *work.Kind, r crm.Records) {
		ctx := w.Context()
		ids, subjects := w.sampled(k, 3)
		for _, id := range ids {
			rec := must[schema.Aggregate](w)(r.Get(ctx, id))
			require.Equal(w, id, rec.Base().ID, k.Name())
			past := must[[]work.Entry](w)(r.History(ctx, id))
			require.Len(w, past, int(rec.Base().Version), k.Name())
			for i, e := range past {
				require.EqualValues(w, i+1, e.Version, k.Name())
			}
		}
		many := must[[]schema.Aggregate](w)(r.GetMany(ctx, append([]ident.ID{ids[len(ids)-1], ident.New()}, ids...)...))
		require.Len(w, many, len(ids), k.Name())
		require.Equal(w, ids[len(ids)-1], many[0].Base().ID, k.Name())
		if single(k) || k.WithSubject {
			return
		}
		for _, sort := range orders(k) {
			require.ElementsMatch(w, ids, w.listed(r, page.Query{Sort: sort, Limit: 1}), "%s by %q", k.Name(), sort)
		}
		where := page.Where{Expr: "id == which", Args: map[string]any{"which": ids[0]}}
		require.Equal(w, ids[:1], w.listed(r, page.Query{Where: where}), k.Name())
		if len(k.Entity.SubjectFields()) == 0 {
			_, err := r.PageOf(ctx, ident.New(), page.Query{})
			require.ErrorIs(w, err, fault.ErrInvalid, k.Name())
			return
		}
		own := must[page.Page[schema.Aggregate]](w)(r.PageOf(ctx, subjects[1], page.Query{}))
		require.Len(w, own.Items, 1, k.Name())
		require.Equal(w, ids[1], own.Items[0].Base().ID, k.Name())
	})
}

// sampled makes some records of a kind; of one that a tenant has once it makes that.
func (w *world) sampled(k *work.Kind, n int) (ids, subjects []ident.ID) {
	if single(k) {
		n = 1
	}
	for range n {
		id, subject := samples[k.Name()](w)
		ids, subjects = append(ids, id), append(subjects, subject)
	}
	return ids, subjects
}

// orders are the orders in which a kind can be listed.
func orders(k *work.Kind) []string {
	out := []string{""}
	for _, f := range k.Entity.Fields() {
		if f.Sortable {
			out = append(out, f.Name, "-"+f.Name)
		}
	}
	return out
}

// listed reads a list to its end.
func (w *world) listed(r crm.Records, q page.Query) (out []ident.ID) {
	w.Helper()
	for {
		p := must[page.Page[schema.Aggregate]](w)(r.Page(w.Context(), q))
		for _, rec := range p.Items {
			out = append(out, rec.Base().ID)
		}
		if p.Next == "" {
			return out
		}
		require.Less(w, len(out), 100, "the list does not come to an end")
		q.Cursor = p.Next
	}
}

// Another tenant finds nothing by id, among many, in lists and histories; who has no role is denied all of it; and the
// mask is on every way.
func TestEveryKindIsGuarded(t *testing.T) {
	t.Parallel()
	eachKind(t, func(w *world, k *work.Kind, _ crm.Records) {
		ctx := w.Context()
		ids, _ := w.sampled(k, 2)
		other := must[crm.Records](w)(w.in("umbrella").s.Records(k.Name()))
		if !single(k) {
			_, err := other.Get(ctx, ids[0])
			require.ErrorIs(w, err, fault.ErrNotFound, k.Name())
			_, err = other.History(ctx, ids[0])
			require.ErrorIs(w, err, fault.ErrNotFound, k.Name())
			require.Empty(w, must[[]schema.Aggregate](w)(other.GetMany(ctx, ids...)), k.Name())
			if !k.WithSubject {
				require.NotSubset(w, w.listed(other, page.Query{}), ids, k.Name())
			}
		}
		blind := must[crm.Records](w)(w.as(roleBlind).Records(k.Name()))
		shown := must[[]schema.Aggregate](w)(blind.GetMany(ctx, ids...))
		shown = append(shown, must[schema.Aggregate](w)(blind.Get(ctx, ids[0])))
		if !k.WithSubject {
			shown = append(shown, must[page.Page[schema.Aggregate]](w)(blind.Page(ctx, page.Query{})).Items...)
		}
		require.GreaterOrEqual(w, len(shown), 2)
		for _, rec := range shown {
			require.Contains(w, rec.Base().Hidden, "created_by", k.Name())
			require.Empty(w, rec.Base().CreatedBy, k.Name())
		}
		if !slices.Contains([]string{"tenant", "schema", "pipeline"}, k.Name()) {
			none := must[crm.Records](w)(w.as().Records(k.Name()))
			_, err := none.Get(ctx, ids[0])
			require.ErrorIs(w, err, fault.ErrDenied, k.Name())
			_, err = none.GetMany(ctx, ids...)
			require.ErrorIs(w, err, fault.ErrDenied, k.Name())
			_, err = none.Page(ctx, page.Query{})
			require.ErrorIs(w, err, fault.ErrDenied, k.Name())
			_, err = none.History(ctx, ids[0])
			require.ErrorIs(w, err, fault.ErrDenied, k.Name())
		}
	})
}

// A name that is no kind is refused with the names that are.
func TestRecordsOfNoKind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		_, err := w.s.Records("custmer")
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.ErrorContains(t, err, "customer")
	})
}
