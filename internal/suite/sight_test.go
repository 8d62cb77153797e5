package suite_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
	"github.com/rapport-crm/rapport/service"
)

// decided names the field in which a method puts what it was called for.
var decided = map[string]struct{ kind, field string }{
	"Customers.MoveLifecycle": {"customer", "lifecycle"},
	"Leads.Work":              {"lead", "state"}, "Leads.Qualify": {"lead", "state"}, "Leads.Disqualify": {"lead", "state"},
	"Leads.Reopen": {"lead", "state"}, "Leads.Convert": {"lead", "state"},
	"Opportunities.Move": {"opportunity", "stage"}, "Opportunities.Win": {"opportunity", "stage"}, "Opportunities.Lose": {"opportunity", "stage"},
	"Opportunities.Reopen": {"opportunity", "stage"}, "Opportunities.SwitchVersion": {"opportunity", "pipeline_version"},
	"Cases.Assign": {"case", "owner_user"}, "Cases.Start": {"case", "state"}, "Cases.Pause": {"case", "state"}, "Cases.Resume": {"case", "state"}, "Cases.Resolve": {"case", "state"},
	"Cases.Escalate": {"case", "state"}, "Cases.Reply": {"case", "state"}, "Cases.Close": {"case", "state"}, "Cases.Reopen": {"case", "state"},
}

// sightless are a role for each field of decided, which does everything and does not see that field.
func sightless() []access.Role {
	byName := map[string]access.Role{}
	for _, d := range decided {
		r := without(d.kind, d.field)
		byName[r.Name] = r
	}
	return slices.Collect(maps.Values(byName))
}

// without is a role that does everything and does not see one field of a kind.
func without(kind, field string) access.Role {
	const all = work.LevelAll
	right := access.Right{Read: all, Create: all, Edit: all, Delete: all, Export: all, Send: all, Reveal: all, Configure: all}
	its, other := right, right
	its.Entity, its.Hide, other.Entity = kind, []string{field}, access.EveryEntity
	return access.Role{Name: "without " + kind + "." + field, Rights: []access.Right{its, other}}
}

// Who may not see a field is refused whenever a method would put something there, whatever the record holds: neither a
// refusal nor its absence tells.
func TestWhoMayNotSeeAFieldDoesNotDecideIt(t *testing.T) {
	t.Parallel()
	known := verbs()
	for name := range decided {
		require.True(t, slices.ContainsFunc(known, func(v verb) bool { return v.name == name }), name)
	}
	eachVerb(t, func(w *world, v *verb) {
		d, ok := decided[v.name]
		if !ok {
			return
		}
		do := v.arrange(w)
		for range 2 { // before the record is so, and when it is
			_, err := do(w.Context(), w.as(without(d.kind, d.field).Name))
			f, ok := errors.AsType[*fault.Error](err)
			require.True(w, ok && f.Code == fault.Denied && f.Field == d.field, "%s: %v", v.name, err)
			_, err = do(w.Context(), w.s)
			require.NoError(w, err, v.name)
		}
	})
}

// A purpose that does not need a class is not told that a field of it was changed.
func TestAHistoryNamesWhatThePurposeSees(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		c := w.person()
		changed := func(purpose personal.Purpose) (out []string) {
			s := w.CRM.As(ident.User(w.tenant, "u-1", work.RoleAdmin), purpose)
			for _, e := range must[[]work.Entry](w)(must[crm.Records](w)(s.Records("customer")).History(w.Context(), c.ID)) {
				out = append(out, e.Changed...)
			}
			return out
		}
		require.Contains(t, changed(privacy.Legal), "points.value")
		require.NotContains(t, changed(privacy.Analytics), "points.value")
		require.Contains(t, changed(privacy.Analytics), "points.channel")
	})
}

// A cursor goes on with the list of the customer that it came from.
func TestACursorKeepsItsCustomer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, ada, bob := w.Context(), w.person(), w.person()
		for _, of := range []ident.ID{ada.ID, ada.ID, bob.ID, bob.ID} {
			must[service.Case](w)(w.s.Cases.Open(ctx, complaint(of)))
		}
		first := must[page.Page[service.Case]](w)(w.s.Cases.Page(ctx, service.CaseFilter{Customer: ada.ID, Query: page.Query{Limit: 1}}))
		require.NotEmpty(t, first.Next)
		for _, f := range []service.CaseFilter{{Customer: bob.ID}, {}} {
			f.Query = page.Query{Limit: 1, Cursor: first.Next}
			_, err := w.s.Cases.Page(ctx, f)
			requireAt(w, err, fault.Invalid, "cursor", "cases")
		}
	})
}
