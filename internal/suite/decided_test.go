package suite_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/access"
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
