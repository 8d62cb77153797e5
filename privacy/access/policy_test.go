package access_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
)

// Each word has one letter for each action: read, create, edit, delete, export, send, reveal, configure;
// n no record, o own, t the team's too, a all.
func ExampleDefault() {
	policy := access.Default(crm.Kinds())
	roles := []string{"admin", "manager", "sales", "service", "marketing", "viewer"}
	for _, entity := range []string{"customer", "relationship", "interaction", "lead", "opportunity",
		"pipeline", "case", "consent", "send", "suppression", "tenant", "schema", "claim", "audit", "anything else"} {
		line := fmt.Sprintf("%-14s", entity)
		for _, role := range roles {
			r := policy.Right(entity, role)
			line += " "
			for _, a := range work.Actions() {
				line += r.Level(a).String()[:1]
			}
		}
		fmt.Println(line)
	}
	// Output:
	// customer       aaaaaaaa aatttttn tttontnn aaannann annnnann annnnnnn
	// relationship   aaaaaaaa aaaatnnn aaannnnn aaannnnn annnnnnn annnnnnn
	// interaction    aaaaaaaa aatttntn ttoonnnn aoonnnnn annnnnnn annnnnnn
	// lead           aaaaaaaa aatttnnn ttttnnnn aonnnnnn aattnnnn annnnnnn
	// opportunity    aaaaaaaa aatttnnn tttonnnn nnnnnnnn annnnnnn annnnnnn
	// pipeline       aaaaaaaa annnnnnn annnnnnn annnnnnn annnnnnn annnnnnn
	// case           aaaaaaaa aaaatntn aoonnnnn aaannnnn nnnnnnnn annnnnnn
	// consent        aaaaaaaa aannannn aannnnnn aannnnnn aannnnnn annnnnnn
	// send           aaaaaaaa annnaann tnnnntnn tnnnntnn annnnann nnnnnnnn
	// suppression    aaaaaaaa aannnnnn aannnnnn aannnnnn aannnnnn nnnnnnnn
	// tenant         aaaaaaaa annnnnnn annnnnnn annnnnnn annnnnnn annnnnnn
	// schema         aaaaaaaa annnnnnn annnnnnn annnnnnn annnnnnn annnnnnn
	// claim          aaaaaaaa aaaannnn aooonnnn aooonnnn aooonnnn annnnnnn
	// audit          aaaaaaaa annnnnnn nnnnnnnn nnnnnnnn nnnnnnnn nnnnnnnn
	// anything else  aaaaaaaa nnnnnnnn nnnnnnnn nnnnnnnn nnnnnnnn nnnnnnnn
}

func as(roles ...string) work.Scope {
	return work.Scope{Principal: ident.User("acme", "u-17", roles...).InTeams("emea", "apac"), Purpose: privacy.Sales}
}

// owned is a record for row predicates.
type owned struct{ user, team string }

func (o owned) Field(name string) rule.Value {
	text := map[string]string{"owner_user": o.user, "owner_team": o.team}[name]
	if text == "" {
		return rule.Blank
	}
	return rule.Text(text)
}

func TestPolicyRows(t *testing.T) {
	t.Parallel()

	policy := access.Default(crm.Kinds())
	records := []owned{{"u-17", ""}, {"u-17", "emea"}, {"u-9", "apac"}, {"u-9", "latam"}, {"", ""}, {"emea", "u-17"}}
	for _, test := range []struct {
		name   string
		scope  work.Scope
		entity string
		action work.Action
		want   []bool
	}{
		{"all", as("service"), "customer", work.Read, []bool{true, true, true, true, true, true}},
		{"team", as("sales"), "customer", work.Read, []bool{true, true, true, false, false, false}},
		{"own", as("sales"), "customer", work.Delete, []bool{true, true, false, false, false, false}},
		{"greatest of two", as("sales", "viewer"), "customer", work.Read, []bool{true, true, true, true, true, true}},
		{"each action alone", as("sales", "viewer"), "customer", work.Edit, []bool{true, true, true, false, false, false}},
		{"team without teams", work.Scope{Principal: ident.User("acme", "u-17", "sales"), Purpose: privacy.Sales}, "customer", work.Read,
			[]bool{true, true, false, false, false, false}},
		{"system", work.Scope{Principal: ident.System("acme", "nightly"), Purpose: privacy.Operations}, "secret", work.Configure,
			[]bool{true, true, true, true, true, true}},
	} {
		acc, err := policy.Access(t.Context(), test.scope, test.entity, test.action)
		require.NoError(t, err, test.name)
		for i, r := range records {
			require.Equal(t, test.want[i], acc.Rows.Eval(r) == rule.Yes, "%s: %+v", test.name, r)
		}
	}
}

func TestPolicyDenies(t *testing.T) {
	t.Parallel()

	policy := access.Default(crm.Kinds())
	plugin := work.Scope{Principal: ident.Plugin("acme", "exhibition"), Purpose: privacy.Sales}
	for name, err := range map[string]error{
		"no role":        ask(t, policy, as(), "customer", work.Read),
		"unknown role":   ask(t, policy, as("emperor"), "customer", work.Read),
		"no right":       ask(t, policy, as("viewer"), "customer", work.Edit),
		"other entity":   ask(t, policy, as("manager"), "booth", work.Read),
		"plugin":         ask(t, policy, plugin, "customer", work.Read),
		"unknown action": ask(t, policy, as("admin"), "customer", "sing"),
	} {
		require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "action"}, name)
	}
	wrong := as("admin")
	wrong.Purpose = "marketting"
	requireInvalid(t, ask(t, policy, wrong, "customer", work.Read), "purpose")
}

func ask(t *testing.T, p work.Policy, s work.Scope, entity string, a work.Action) error {
	t.Helper()
	_, err := p.Access(t.Context(), s, entity, a)
	return err
}

func TestPolicyMasks(t *testing.T) {
	t.Parallel()

	policy, err := access.New([]access.Role{
		{Name: "a", Rights: []access.Right{{Entity: "x", Read: work.LevelOwn, Hide: []string{"points", "score"}}}},
		{Name: "b", Rights: []access.Right{{Entity: "x", Read: work.LevelAll, Edit: work.LevelAll, Hide: []string{"points.value"}, Fix: []string{"stage"}}}},
		{Name: "c", Rights: []access.Right{{Entity: "x", Never: []string{"salary"}}}},
		{Name: "d", Rights: []access.Right{{Entity: "x", Edit: work.LevelOwn, Hide: []string{"all"}}}},
	}, nil)
	require.NoError(t, err)
	for _, test := range []struct {
		roles     string
		hide, fix []string
	}{
		{"a", []string{"points", "score"}, nil},
		{"b", []string{"points.value"}, []string{"stage"}},
		{"a b", []string{"points.value"}, []string{"stage"}},
		{"b a a unknown", []string{"points.value"}, []string{"stage"}},
		{"a b c", []string{"points.value", "salary"}, []string{"stage"}},
		{"c", []string{"salary"}, nil},
		{"b d", []string{"points.value"}, nil},
		{"c d", []string{"all", "salary"}, nil},
	} {
		r := policy.Right("x", strings.Fields(test.roles)...)
		require.Equal(t, test.hide, r.Hide, test.roles)
		require.ElementsMatch(t, test.fix, r.Fix, test.roles)
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()

	_, err := access.New([]access.Role{{Name: ""}, {Name: "a", Rights: []access.Right{{Entity: "x"}, {Entity: "x"}, {}}}, {Name: "a"}}, nil)
	f := requireInvalid(t, err, "roles")
	require.Len(t, f.Violations, 4)
}

func TestPurposeLimitsClasses(t *testing.T) {
	t.Parallel()

	policy := access.Default(crm.Kinds())
	unseen := func(why personal.Purpose) []personal.Class {
		s := work.Scope{Principal: ident.System("acme", "job"), Purpose: why}
		acc, err := policy.Access(t.Context(), s, "customer", work.Reveal)
		require.NoError(t, err)
		return acc.Unseen
	}
	require.Equal(t, []personal.Class{personal.Financial, personal.Government, personal.Health}, unseen(privacy.Sales))
	require.Equal(t, []personal.Class{personal.Financial, personal.Government}, unseen(privacy.Service))
	require.Contains(t, unseen(privacy.Marketing), personal.Content)
	require.Contains(t, unseen(privacy.Analytics), personal.Contact)
	require.Empty(t, unseen(privacy.SubjectAsk))

	plain, err := policy.Access(t.Context(), as("sales"), "customer", work.Read)
	require.NoError(t, err)
	require.Empty(t, plain.Unseen, "sensitive classes are masked for whoever does not reveal")
}

func TestPolicyKnowsTheHostsPurposes(t *testing.T) {
	t.Parallel()

	more, err := privacy.DefaultPurposes().With(privacy.Purpose{Name: "loyalty", Bases: []privacy.Basis{privacy.OnConsent}})
	require.NoError(t, err)
	policy, err := access.New(access.DefaultRoles(crm.Kinds()), more)
	require.NoError(t, err)
	s := as("sales")
	s.Purpose = "loyalty"
	require.NoError(t, ask(t, policy, s, "customer", work.Read))
	requireInvalid(t, ask(t, access.Default(crm.Kinds()), s, "customer", work.Read), "purpose")
}

// The order of roles, and roles held twice, change nothing; a further role never takes a level away.
func TestPolicyMergeLaws(t *testing.T) {
	t.Parallel()

	policy := access.Default(crm.Kinds())
	roles := []string{"admin", "manager", "sales", "service", "marketing", "viewer"}
	entities := []string{"customer", "case", "lead", "send", "interaction", "other"}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		some := make([]string, 1+rng.IntN(4))
		for i := range some {
			some[i] = roles[rng.IntN(len(roles))]
		}
		entity := entities[rng.IntN(len(entities))]
		r := policy.Right(entity, some...)
		mixed := append(slices.Clone(some), some...)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		require.Equal(t, r, policy.Right(entity, mixed...))
		for _, a := range work.Actions() {
			most := work.LevelNone
			for _, one := range some {
				most = max(most, policy.Right(entity, one).Level(a))
			}
			require.Equal(t, most, r.Level(a))
		}
	}
}

func BenchmarkAccess(b *testing.B) {
	policy := access.Default(crm.Kinds())
	for _, roles := range [][]string{{"admin"}, {"sales"}, {"sales", "service"}} {
		s := as(roles...)
		b.Run(strings.Join(roles, "+"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = policy.Access(b.Context(), s, "opportunity", work.Read)
			}
		})
	}
}

func requireInvalid(t *testing.T, err error, field string) *fault.Error {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Invalid, f.Code)
	require.Equal(t, field, f.Field)
	return f
}
