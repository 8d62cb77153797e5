package crm_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// secret is in everything that hostile callers paste: no error may hand it on.
const secret = "Zuckmayer"

// What people paste where text is wanted.
var (
	nul     = secret + "\x00"
	badUTF8 = secret + "\xff\xfe"
	control = secret + "\x1b[31m"
	huge    = strings.Repeat(secret+" ", 1<<20) // 10 MB
)

// target is a house with one record of each kind in the tenant acme, and one customer of a stranger's.
type target struct {
	*house
	s *crm.Session // an administrator of acme

	person      customer.Customer
	firm        customer.Customer
	interaction activity.Interaction
	relation    customer.Relationship
	lead        pipeline.Lead
	opp         pipeline.Opportunity
	kase        service.Case
	consent     privacy.Consent
	claim       claim.Claim
	stranger    customer.Customer
	strangers   *crm.Session
}

func newTarget(t *testing.T, h *house) *target {
	t.Helper()
	ctx := t.Context()
	x := &target{house: h, s: h.admin(), strangers: h.As(ident.User("umbrella", "u-9", "admin"), privacy.Sales)}
	for _, typ := range []rule.Type{rule.TypeText, rule.TypeInt, rule.TypeFloat, rule.TypeTime, rule.TypeDate, rule.TypeMoney, rule.TypeTexts} {
		for _, entity := range []string{customer.EntityCustomer, pipeline.EntityOpportunity, service.EntityCase} {
			_, err := x.s.Schema.Define(ctx, schema.Definition{
				Entity: entity, Key: "c_" + typ.String(), Type: typ, Class: personal.Profile, Sortable: typ == rule.TypeText,
			})
			require.NoError(t, err)
		}
	}
	var err error
	x.person, err = x.s.Customers.Create(ctx, customer.PersonDraft{
		Given: "Ada", Family: "Lovelace", Ext: []ident.Ext{{System: "erp", ID: "1"}},
		Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com", Verified: true}},
		Custom: []schema.Set{schema.NewKey[string]("c_text").Set("gold")},
	})
	require.NoError(t, err)
	x.firm = h.organization(t, x.s, "ACME GmbH")
	x.stranger = h.organization(t, x.strangers, "Umbrella")
	x.interaction, err = x.s.Interactions.Log(ctx, activity.InteractionDraft{
		Channel: privacy.ByPhone, Direction: activity.Inbound, Subject: "hello", Body: "about " + secret,
		Participants: []activity.Participant{{Customer: x.person.ID}},
	})
	require.NoError(t, err)
	x.relation, err = x.s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Employment, From: x.person.ID, To: x.firm.ID})
	require.NoError(t, err)
	x.lead, err = x.s.Leads.Create(ctx, pipeline.LeadDraft{Customer: x.person.ID})
	require.NoError(t, err)
	x.opp, err = x.s.Opportunities.Create(ctx, pipeline.OpportunityDraft{
		Customer: x.firm.ID, Amount: money.MustParse("7000 EUR"), Ext: ident.Ext{System: "erp", ID: "o1"},
	})
	require.NoError(t, err)
	x.kase, err = x.s.Cases.Open(ctx, service.CaseDraft{Customer: x.person.ID, Subject: "No power", Body: "about " + secret})
	require.NoError(t, err)
	x.consent, err = x.s.Consents.Give(ctx, x.yes())
	require.NoError(t, err)
	x.claim, err = x.s.Claims.Acquire(ctx, claim.Request{
		Keys: []claim.Key{{Namespace: "hall", Key: "B12"}}, Holder: ident.Ref{Entity: "opportunity", ID: x.opp.ID}, For: time.Hour,
	})
	require.NoError(t, err)
	return x
}

func (x *target) yes() privacy.ConsentDraft {
	return privacy.ConsentDraft{
		Subject: x.person.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail,
		Notice: privacy.NoticeOf("newsletter-3", "Yes."), Act: privacy.Ticked,
	}
}

// attack is one call that must be refused: with a code and, unless it is empty, the field at fault.
type attack struct {
	name  string
	code  fault.Code
	field string
	do    func(ctx context.Context, s *crm.Session) error
}

// withstand runs attacks and checks that each is refused as it says, says nothing it should not, and writes nothing.
func (x *target) withstand(t *testing.T, list []attack) {
	t.Helper()
	before := x.dump(t)
	for _, a := range list {
		err := survive(t, a.name, func(ctx context.Context) error { return a.do(ctx, x.s) })
		refused(t, a, err)
	}
	after := x.dump(t)
	for _, table := range slices.Sorted(maps.Keys(before)) {
		require.Equal(t, strings.Count(before[table], "\n"), strings.Count(after[table], "\n"), "rows of %s", table)
		require.Equal(t, before[table], after[table], table)
	}
}

// survive calls fn, and turns a panic or a call that does not come back into a failure.
func survive(t *testing.T, name string, fn func(ctx context.Context) error) (err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	began := time.Now()
	defer func() {
		if d := time.Since(began); d > 2*time.Minute {
			t.Errorf("%s: took %s", name, d)
		}
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", name, p)
		}
	}()
	return fn(ctx)
}

func refused(t *testing.T, a attack, err error) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Errorf("%s: want a fault of code %s, have %T %v", a.name, a.code, err, short(fmt.Sprint(err)))
		return
	}
	if f.Code != a.code {
		t.Errorf("%s: want code %s, have %s", a.name, a.code, short(err.Error()))
	}
	if a.field != "" && f.Field != a.field {
		t.Errorf("%s: want field %s, have %q: %s", a.name, a.field, short(f.Field), short(err.Error()))
	}
	discreet(t, a.name, err)
}

// discreet checks that an error holds neither what was pasted nor very much, in any of its forms.
func discreet(t *testing.T, name string, err error) {
	t.Helper()
	f, _ := errors.AsType[*fault.Error](err)
	texts := []string{err.Error(), fmt.Sprintf("%+v", fault.AsProblem(err, "en"))}
	for _, v := range f.Violations {
		texts = append(texts, v.Field+": "+v.Message)
	}
	if len(f.Violations) > 200 {
		t.Errorf("%s: %d violations", name, len(f.Violations))
	}
	for _, s := range texts[:min(len(texts), 200)] {
		if strings.Contains(s, secret) {
			t.Errorf("%s: hands on what was pasted: %s", name, short(s))
			return
		}
		if len(s) > 4000 && len(f.Violations) < 2 {
			t.Errorf("%s: says %d bytes: %s", name, len(s), short(s))
			return
		}
	}
}

func short(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

func invalid(name, field string, do func(ctx context.Context, s *crm.Session) error) attack {
	return attack{name, fault.Invalid, field, do}
}
