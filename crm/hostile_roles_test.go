package crm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// rights is what the roles may do, written down apart from the policy: one letter for manager, sales, service,
// marketing and viewer. A: on every record; T: on those of the team, others are not found; O: on one's own, others are
// not found; D: denied.
var rights = map[string]string{
	"customer get": "ATAAA", "customer update": "TTADD", "customer delete": "TODDD",
	"add point": "TTADD", "update point": "TTADD", "remove point": "TTADD",
	"move lifecycle": "TTDDD", "lifecycle history": "ATAAA", "timeline": "ATAAA",
	"relations": "ATAAA", "relate to": "ATADD", "end relation": "AAADD",
	"log with": "ATADD", "interaction get": "ATAAA", "interactions of": "ATAAA",
	"lead of": "ATAAD", "lead get": "ATAAA", "lead history": "ATAAA", "lead update": "TTDTD", "lead work": "TTDTD",
	"lead qualify": "TTDTD", "lead convert": "TTDTD", "lead delete": "TTDTD",
	"opportunity of": "ATDDD", "opportunities of": "ATDAA", "opportunity get": "ATDAA", "opportunity history": "ATDAA",
	"opportunity update": "TTDDD", "opportunity move": "TTDDD", "opportunity win": "TTDDD", "opportunity delete": "TODDD",
	"case of": "ATADD", "case get": "AAADA", "case history": "AAADA", "case update": "AOADD", "case start": "AOADD", "case assign": "AOADD",
	"give": "ATAAD", "withdraw": "ATAAD", "consent get": "ATAAA", "consent history": "ATAAA", "consent at": "ATAAA", "decisions": "ATAAA",
	"deliver":   "TTAAD",
	"claim get": "AAAAA", "claim extend": "AOOOD", "claim release": "AOOOD", "claim swap": "AOOOD",
}

var columns = []string{work.RoleManager, work.RoleSales, work.RoleService, work.RoleMarketing, work.RoleViewer}

// want is the code with which a letter of rights answers the owner, a colleague and somebody of another team.
func want(letter byte) [3]fault.Code {
	return map[byte][3]fault.Code{
		'A': {}, 'T': {2: fault.NotFound}, 'O': {1: fault.NotFound, 2: fault.NotFound},
		'D': {fault.Denied, fault.Denied, fault.Denied},
	}[letter]
}

// errBack takes back what an attempt has done.
var errBack = errors.New("taken back")

// attempt does something in a transaction, takes it back, and returns what came of it.
func attempt(t *testing.T, s *crm.Session, do func(ctx context.Context, s *crm.Session) error) (err error) {
	t.Helper()
	back := s.InTx(t.Context(), func(ctx context.Context, s *crm.Session) error {
		err = do(ctx, s)
		return errBack
	})
	require.ErrorIs(t, back, errBack)
	return err
}

// people are the owner of the target's records, a colleague, and somebody of another team.
func people(roles ...string) [3]ident.Principal {
	return [3]ident.Principal{
		ident.User("acme", "u-1", roles...).InTeams("emea"), ident.User("acme", "u-2", roles...).InTeams("emea"),
		ident.User("acme", "u-3", roles...).InTeams("apac"),
	}
}

func TestEveryRoleDoesWhatTheTableSays(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		before := x.dump(t)
		for _, v := range verbs() {
			require.Len(t, rights[v.name], len(columns), "%s is in the table", v.name)
			letters := map[string]byte{work.RoleAdmin: 'A', "janitor": 'D', "": 'D'}
			for i, role := range columns {
				letters[role] = rights[v.name][i]
			}
			for role, letter := range letters {
				for i, p := range people(strings.Fields(role)...) {
					err := attempt(t, h.As(p, privacy.Sales), func(ctx context.Context, s *crm.Session) error { return v.do(ctx, s, x, v.id(x)) })
					if code := fault.CodeOf(err); code != want(letter)[i] {
						t.Errorf("%s by %q of %s: want %q, have %v", v.name, role, p.ID, want(letter)[i], err)
					}
				}
			}
			plugin := h.As(ident.Plugin("acme", "some-plugin"), privacy.Sales)
			require.ErrorIs(t, attempt(t, plugin, func(ctx context.Context, s *crm.Session) error { return v.do(ctx, s, x, v.id(x)) }), fault.ErrDenied, v.name)
			job := h.As(ident.System("acme", "job"), privacy.Sales)
			require.NoError(t, attempt(t, job, func(ctx context.Context, s *crm.Session) error { return v.do(ctx, s, x, v.id(x)) }), v.name)
		}
		require.Equal(t, before, x.dump(t))
	})
}

// TestEveryRoleConfiguresWhatItMay is about what belongs to nobody: letters A and D only.
func TestEveryRoleConfiguresWhatItMay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		newTarget(t, h)
		for name, c := range map[string]struct {
			rights string
			do     func(ctx context.Context, s *crm.Session) error
		}{
			"define pipeline": {"DDDDD", func(ctx context.Context, s *crm.Session) error {
				d := pipeline.Standard()
				d.Key = "mine"
				return drop(s.Pipelines.Define(ctx, d))
			}},
			"define the same": {"DDDDD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Pipelines.Define(ctx, pipeline.Standard()))
			}},
			"get pipeline":   {"AAAAA", func(ctx context.Context, s *crm.Session) error { return drop(s.Pipelines.Get(ctx, "standard", 0)) }},
			"list pipelines": {"AAAAA", func(ctx context.Context, s *crm.Session) error { return drop(s.Pipelines.Page(ctx, page.Query{})) }},
			"define field": {"DDDDD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Schema.Define(ctx, schema.Definition{Entity: "case", Key: "mine", Type: rule.TypeText, Class: "none"}))
			}},
			"retire field": {"DDDDD", func(ctx context.Context, s *crm.Session) error { return s.Schema.Retire(ctx, "case", "c_text") }},
			"fields":       {"AAAAA", func(ctx context.Context, s *crm.Session) error { return drop(s.Schema.Fields(ctx, "case")) }},
			"layout":       {"AAAAA", func(ctx context.Context, s *crm.Session) error { return drop(s.Schema.Layout(ctx)) }},
			"suppress": {"AAAAD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Consents.Suppress(ctx, privacy.ByEmail, "a@example.com", privacy.Requested))
			}},
			"settings": {"AAAAA", func(ctx context.Context, s *crm.Session) error { return drop(s.Settings.Get(ctx)) }},
			"set": {"DDDDD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Settings.Update(ctx, 0, tenant.Update{Currency: new("EUR")}))
			}},
			"backlog":   {"DDDDD", func(ctx context.Context, s *crm.Session) error { return drop(s.Outbox.Backlog(ctx)) }},
			"dead":      {"DDDDD", func(ctx context.Context, s *crm.Session) error { return drop(s.Outbox.Dead(ctx, ident.ID{})) }},
			"customers": {"AAAAA", func(ctx context.Context, s *crm.Session) error { return drop(s.Customers.Page(ctx, customer.Filter{})) }},
			"cases":     {"AAADA", func(ctx context.Context, s *crm.Session) error { return drop(s.Cases.Page(ctx, service.CaseFilter{})) }},
			"by point": {"AAADD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.ByPoint(ctx, privacy.ByEmail, "ada@example.com"))
			}},
			"deals": {"AADAA", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Opportunities.Page(ctx, pipeline.OpportunityFilter{}))
			}},
			"create": {"AAADD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.Create(ctx, customer.GroupDraft{Name: "A"}))
			}},
			"disclosure": {"ADDDD", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Plugins.Disclosed(ctx, ident.Ref{Entity: "customer", ID: ident.New()}, page.Query{}))
			}},
		} {
			letters := map[string]byte{work.RoleAdmin: 'A', "janitor": 'D'}
			for i, role := range columns {
				letters[role] = c.rights[i]
			}
			for role, letter := range letters {
				err := attempt(t, h.As(people(role)[1], privacy.Sales), c.do)
				if code := fault.CodeOf(err); code != want(letter)[1] {
					t.Errorf("%s by %q: want %q, have %v", name, role, want(letter)[1], err)
				}
			}
		}
	})
}

func TestAnUpdateCannotLeaveOnesRights(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		before := x.dump(t)
		sales := h.As(people(work.RoleSales)[1], privacy.Sales)
		own := h.As(people(work.RoleSales)[0], privacy.Sales)
		help := h.As(people(work.RoleService)[1], privacy.Sales)
		for name, do := range map[string]func(ctx context.Context) error{
			"give away": func(ctx context.Context) error {
				return drop(sales.Customers.Update(ctx, x.person.ID, 0, customer.Update{OwnerUser: new("u-9"), OwnerTeam: new("apac")}))
			},
			"create for others": func(ctx context.Context) error {
				return drop(sales.Customers.Create(ctx, customer.OrganizationDraft{Name: "A", OwnerUser: "u-9", OwnerTeam: "apac"}))
			},
			"give a deal away": func(ctx context.Context) error {
				return drop(sales.Opportunities.Update(ctx, x.opp.ID, 0, pipeline.OpportunityUpdate{OwnerUser: new("u-9"), OwnerTeam: new("apac")}))
			},
			"give a case away": func(ctx context.Context) error {
				return drop(own.Cases.Assign(ctx, x.kase.ID, service.Assignment{User: "u-9", Team: "emea"}))
			},
			"a fixed field": func(ctx context.Context) error {
				return drop(help.Customers.Update(ctx, x.person.ID, 0, customer.Update{OwnerUser: new("u-2")}))
			},
			"a fixed field of a new one": func(ctx context.Context) error {
				return drop(help.Customers.Create(ctx, customer.OrganizationDraft{Name: "A", OwnerUser: "u-9"}))
			},
			"clear the owner": func(ctx context.Context) error {
				return drop(sales.Customers.Update(ctx, x.person.ID, 0, customer.Update{Clear: []string{"owner_user", "owner_team"}}))
			},
		} {
			err := survive(t, name, do)
			refused(t, attack{name: name, code: fault.Denied}, err)
		}
		require.Equal(t, before, x.dump(t))
	})
}
