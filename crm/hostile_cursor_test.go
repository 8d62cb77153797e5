package crm_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// double makes a second record of each kind, so that every list has a second page.
func (x *target) double(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	_, err := x.s.Interactions.Log(ctx, activity.InteractionDraft{
		Channel: privacy.ByPhone, Direction: activity.Inbound, Participants: []activity.Participant{{Customer: x.person.ID}},
	})
	require.NoError(t, err)
	require.NoError(t, drop(x.s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Partner, From: x.person.ID, To: x.firm.ID})))
	require.NoError(t, drop(x.s.Leads.Create(ctx, pipeline.LeadDraft{Customer: x.person.ID})))
	require.NoError(t, drop(x.s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: x.firm.ID})))
	require.NoError(t, drop(x.s.Cases.Open(ctx, service.CaseDraft{Customer: x.person.ID, Subject: "again"})))
	require.NoError(t, drop(x.s.Consents.Withdraw(ctx, privacy.ChoiceDraft{Subject: x.person.ID, Purpose: privacy.Marketing})))
	d := pipeline.Standard()
	d.Key = "other"
	require.NoError(t, drop(x.s.Pipelines.Define(ctx, d)))
	x.organization(t, x.strangers, "Stranger 2")
}

func TestForeignAndForgedCursorsAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		x.double(t)
		lists := x.lists()
		cursors := map[string]string{}
		for name, list := range lists {
			next, err := list(t.Context(), x.s, page.Query{Limit: 1})
			require.NoError(t, err)
			require.NotEmpty(t, next, name)
			cursors[name] = next
		}
		var attacks []attack
		for name, list := range lists {
			use := func(what, cursor string, q page.Query) {
				q.Limit, q.Cursor = 1, cursor
				attacks = append(attacks, invalid(name+" "+what, "cursor", func(ctx context.Context, s *crm.Session) error {
					return drop(list(ctx, s, q))
				}))
			}
			for other, cursor := range cursors {
				if other != name {
					use("cursor of "+other, cursor, page.Query{})
				}
			}
			c := cursors[name]
			for what, forged := range map[string]string{
				"cut": c[:len(c)-2], "longer": c + "AA", "padded": c + "=", "white": c + " ", "upper": strings.ToUpper(c), "line": c[:9] + "\n" + c[9:],
				"nothing sealed": base64.RawURLEncoding.EncodeToString(make([]byte, 80)), "SQL": "' OR 1=1 --", "id": ident.New().String(),
			} {
				use(what, forged, page.Query{})
			}
			if name != "timeline" {
				use("other sort", c, page.Query{Sort: "-id"})
				use("other condition", c, page.Query{Where: page.Where{Expr: "version > 0"}})
			}
		}
		attacks = append(attacks, invalid("another customer's timeline", "cursor", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Interactions.Timeline(ctx, x.firm.ID, page.Query{Limit: 1, Cursor: cursors["timeline"]}))
		}), invalid("another subject's history", "cursor", func(ctx context.Context, s *crm.Session) error {
			return drop(s.Consents.History(ctx, x.firm.ID, page.Query{Limit: 1, Cursor: cursors["consents"]}))
		}), invalid("another tenant's", "cursor", func(ctx context.Context, _ *crm.Session) error {
			return drop(x.strangers.Customers.Page(ctx, customer.Filter{Query: page.Query{Limit: 1, Cursor: cursors["customers"]}}))
		}))
		x.withstand(t, attacks)
		x.flipBits(t, cursors["customers"])
	})
}

// flipBits tries every bit of a cursor.
func (x *target) flipBits(t *testing.T, cursor string) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	require.NoError(t, err)
	for i := range 8 * len(raw) {
		raw[i/8] ^= 1 << (i % 8)
		_, err := x.s.Customers.Page(t.Context(), customer.Filter{Query: page.Query{Limit: 1, Cursor: base64.RawURLEncoding.EncodeToString(raw)}})
		require.ErrorIs(t, err, fault.ErrInvalid)
		raw[i/8] ^= 1 << (i % 8)
	}
}

func TestARepeatedClickDoesThingsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		list := verbs()
		slices.SortStableFunc(list, func(a, b byID) int { return cmp.Compare(a.destroys(), b.destroys()) })
		for _, v := range list {
			if v.name == "deliver" {
				continue // a send has a key of its own
			}
			s := x.s.Once("click-" + v.name)
			require.NoError(t, v.do(t.Context(), s, x, v.id(x)), v.name)
			before := x.dump(t)
			require.NoError(t, v.do(t.Context(), s, x, v.id(x)), "%s twice", v.name)
			require.Equal(t, before, x.dump(t), "%s twice", v.name)
		}
	})
}

// destroys orders operations that leave less for others after those that do not.
func (v byID) destroys() int {
	switch v.name {
	case "customer delete":
		return 2
	case "lead delete", "opportunity delete", "remove point", "claim release":
		return 1
	}
	return 0
}

func TestOneKeyIsForOneThing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		x := newTarget(t, h)
		once := x.s.Once("k")
		require.NoError(t, drop(once.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "A"})))
		taken := func(name string, do func(ctx context.Context, s *crm.Session) error) attack {
			return attack{name, fault.Conflict, "", func(ctx context.Context, _ *crm.Session) error { return do(ctx, once) }}
		}
		x.withstand(t, []attack{
			taken("other name", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.Create(ctx, customer.OrganizationDraft{Name: "B"}))
			}),
			taken("other kind", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Customers.Create(ctx, customer.GroupDraft{Name: "A"}))
			}),
			taken("other verb", func(ctx context.Context, s *crm.Session) error { return s.Customers.Delete(ctx, x.firm.ID, 0) }),
			taken("other entity", func(ctx context.Context, s *crm.Session) error {
				return drop(s.Leads.Create(ctx, pipeline.LeadDraft{}))
			}),
			invalid("load", "once", func(ctx context.Context, _ *crm.Session) error {
				return drop(once.Customers.Load(ctx, func(func(customer.Draft, error) bool) {}, nil))
			}),
		})
		// another principal's and another tenant's keys are their own
		require.NoError(t, drop(x.strangers.Once("k").Customers.Create(t.Context(), customer.OrganizationDraft{Name: "B"})))
		// a viewer who knows the key learns nothing by it
		viewer := h.As(ident.User("acme", "u-5", work.RoleViewer), privacy.Sales).Once("k")
		_, err := viewer.Customers.Create(t.Context(), customer.OrganizationDraft{Name: "A"})
		require.ErrorIs(t, err, fault.ErrDenied)
	})
}
