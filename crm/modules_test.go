package crm_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// facades says whose the fields of a session are. A field that is missing here fails the test of the combinations.
var facades = map[string]crm.Module{
	"Customers": crm.ModuleCustomer, "Interactions": crm.ModuleCustomer,
	"Leads": crm.ModulePipeline, "Opportunities": crm.ModulePipeline, "Pipelines": crm.ModulePipeline,
	"Cases": crm.ModuleService, "Consents": crm.ModulePrivacy, "Sends": crm.ModulePrivacy, "Plugins": crm.ModulePlugin,
	"Schema": crm.ModuleFoundation, "Settings": crm.ModuleFoundation, "Claims": crm.ModuleFoundation, "Outbox": crm.ModuleFoundation,
}

// smoke is what each module does when it is there.
var smoke = map[crm.Module]func(t *testing.T, h *house, s *crm.Session){
	crm.ModuleFoundation: func(t *testing.T, h *house, s *crm.Session) {
		_, err := s.Settings.Update(t.Context(), 0, tenant.Update{Language: new("de")})
		require.NoError(t, err)
		_, err = s.Claims.Acquire(t.Context(), claim.Request{Keys: []claim.Key{{Namespace: "seat", Key: "1"}}, Holder: ident.Ref{Entity: "desk", ID: ident.New()}, For: time.Hour})
		require.NoError(t, err)
		_, err = s.Outbox.Backlog(t.Context())
		require.NoError(t, err)
		_, err = s.Schema.Fields(t.Context(), claim.Entity)
		require.NoError(t, err)
		require.NoError(t, h.Drain(t.Context()))
	},
	crm.ModuleCustomer: func(t *testing.T, h *house, s *crm.Session) {
		ctx := t.Context()
		acme, ada := h.organization(t, s, "ACME"), h.organization(t, s, "Ada Ltd")
		_, err := s.Customers.Relate(ctx, customer.RelationshipDraft{Type: customer.Supplier, From: acme.ID, To: ada.ID})
		require.NoError(t, err)
		_, err = s.Interactions.Log(ctx, activity.InteractionDraft{Channel: personal.ByPhone, Direction: activity.Outbound, At: h.clock.Now(), Subject: "hello",
			Participants: []activity.Participant{{Customer: acme.ID}}})
		require.NoError(t, err)
		lines, err := s.Interactions.Timeline(ctx, acme.ID, page.Query{})
		require.NoError(t, err)
		require.NotEmpty(t, lines.Items)
		list, err := s.Customers.Page(ctx, customer.Filter{})
		require.NoError(t, err)
		require.Len(t, list.Items, 2)
		_, err = s.Schema.Define(ctx, schema.Definition{Entity: customer.EntityCustomer, Key: "tier", Type: rule.TypeText, Class: personal.None})
		require.NoError(t, err)
	},
	crm.ModulePipeline: func(t *testing.T, h *house, s *crm.Session) {
		ctx := t.Context()
		lead, err := s.Leads.Create(ctx, pipeline.LeadDraft{Origin: "web"})
		require.NoError(t, err)
		got, err := s.Leads.Convert(ctx, lead.ID, pipeline.ConvertOptions{Customer: h.organization(t, s, "Buyer").ID, Draft: &pipeline.OpportunityDraft{Name: "50 seats"}})
		require.NoError(t, err)
		_, err = s.Opportunities.Get(ctx, got.Opportunity.ID)
		require.NoError(t, err)
		list, err := s.Opportunities.Page(ctx, pipeline.OpportunityFilter{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
	},
	crm.ModuleService: func(t *testing.T, h *house, s *crm.Session) {
		ctx := t.Context()
		cs, err := s.Cases.Open(ctx, service.CaseDraft{Customer: h.organization(t, s, "Plaintiff").ID, Subject: "late"})
		require.NoError(t, err)
		list, err := s.Cases.Page(ctx, service.CaseFilter{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		h.clock.Advance(90 * 24 * time.Hour)
		require.Contains(t, h.kinds(t, cs.ID), service.CaseBreached, "its clocks run")
	},
	crm.ModulePrivacy: func(t *testing.T, h *house, s *crm.Session) {
		ctx := t.Context()
		ada := h.organization(t, s, "Subscriber")
		yes, err := s.Consents.Give(ctx, privacy.ConsentDraft{Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail,
			Notice: privacy.NoticeOf("n-1", "Yes."), Act: privacy.Ticked, Evidence: "form"})
		require.NoError(t, err)
		_, err = s.Consents.Get(ctx, yes.ID)
		require.NoError(t, err)
		list, err := s.Consents.History(ctx, ada.ID, page.Query{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		_, err = s.Sends.Decisions(ctx, ada.ID)
		require.NoError(t, err)
	},
	crm.ModulePlugin: func(t *testing.T, h *house, s *crm.Session) {
		seen, err := s.Plugins.Disclosed(t.Context(), ident.Ref{Entity: claim.Entity, ID: ident.New()}, page.Query{})
		require.NoError(t, err)
		require.Empty(t, seen.Items)
		require.Empty(t, s.Plugins.Manifests())
		_, err = s.Plugins.Invoke(t.Context(), "fly", nil)
		require.ErrorIs(t, err, fault.ErrNotFound)
	},
}

func configured(set []store.Module) (out []crm.Module) {
	for _, m := range set {
		out = append(out, crm.Module(m.Name))
	}
	return out
}

// A set of modules that has what it needs has their tables and no others; what is there works, and every operation of
// what is not says so. The sets show every two modules in all the ways they can be there; CRM_SOAK=1 runs all sets.
func TestP18CombinationsOfModules(t *testing.T) {
	t.Parallel()

	for _, set := range dbtest.Combinations(store.Modules(), dbtest.Soak(false, true)) {
		modules := configured(set)
		t.Run(strings.ReplaceAll(fmt.Sprint(modules), " ", "+"), func(t *testing.T) {
			t.Parallel()

			dbtest.EachOf(t, set, func(t *testing.T, b dbtest.Backend) {
				want, err := store.Golden(b.Dialect, set)
				require.NoError(t, err)
				have, err := b.Dialect.Catalog(t.Context(), b.Write)
				require.NoError(t, err)
				require.Equal(t, want, have)
				inUse(t, b, modules)
			})
		})
	}
}

// inUse tries a CRM of some modules.
func inUse(t *testing.T, b dbtest.Backend, modules []crm.Module) {
	t.Helper()
	h := houseWith(t, b, modules...)
	require.NoError(t, h.Check(t.Context()))
	s := h.admin()
	for _, m := range crm.Modules() {
		if slices.Contains(modules, m) {
			smoke[m](t, h, s)
		}
	}
	refused := 0
	for field, value := range reflect.ValueOf(s).Elem().Fields() {
		m, ok := facades[field.Name]
		require.True(t, ok || !field.IsExported(), "%s: whose façade is it?", field.Name)
		if ok && !slices.Contains(modules, m) {
			refused += refuses(t, field.Name, value, m)
		}
	}
	require.Equal(t, refused == 0, len(modules) == len(crm.Modules()))
	if !slices.Contains(modules, crm.ModuleService) {
		_, err := s.Schema.Fields(t.Context(), service.EntityCase)
		isFault(t, err, fault.Unavailable, crm.ReasonModule, "the module service")
		_, err = s.Schema.Define(t.Context(), schema.Definition{Entity: service.EntityCase, Key: "k", Type: rule.TypeInt, Class: personal.None})
		isFault(t, err, fault.Unavailable, crm.ReasonModule, "the module service")
	}
	require.NoError(t, h.Drain(t.Context()))
}

func houseWith(t *testing.T, b dbtest.Backend, modules ...crm.Module) *house {
	t.Helper()
	h := &house{Backend: b, clock: &clock{now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)}}
	c, err := crm.NewPools(t.Context(), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Clock: h.clock.Now, Logger: slog.New(slog.DiscardHandler), Modules: modules,
		Subscribers: []crm.Subscriber{{Name: "notes", Purpose: privacy.Operations, Handle: h.note}},
	})
	require.NoError(t, err)
	h.CRM = c
	return h
}

// refuses calls every method of a façade and wants the fault that names its module.
func refuses(t *testing.T, name string, facade reflect.Value, m crm.Module) (n int) {
	t.Helper()
	for method, call := range facade.Methods() {
		if method.Name == "Manifests" {
			continue // has no error to return, and lists nothing
		}
		var err error
		if method.Name == "Import" { // its target says so
			target, _ := reflect.TypeAssert[transfer.Target](call.Call(nil)[0])
			_, err = target.Form(t.Context())
		} else {
			err = called(t, call)
		}
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != fault.Unavailable || f.Reason != crm.ReasonModule {
			t.Errorf("%s.%s of the module %s, which is left out: %v", name, method.Name, m, err)
			continue
		}
		require.Contains(t, f.Message, "the module "+string(m)+" is left out: name it in Config.Modules")
		require.NotEmpty(t, f.Op, method.Name)
		n++
	}
	return n
}

var errorType = reflect.TypeFor[error]()

// called calls a method with plausible arguments and returns its error, for an iterator that of its first pair.
func called(t *testing.T, method reflect.Value) error {
	t.Helper()
	in := []reflect.Value{reflect.ValueOf(t.Context())}
	required := method.Type().NumIn()
	if method.Type().IsVariadic() {
		required--
	}
	for i := 1; i < required; i++ {
		in = append(in, plausible(method.Type().In(i)))
		if in[i-1].Type() == reflect.TypeFor[personal.Channel]() && in[i].Type() == reflect.TypeFor[string]() {
			in[i] = reflect.ValueOf("ada@example.com")
		}
	}
	out := method.Call(in)
	last := out[len(out)-1]
	if last.Kind() == reflect.Func {
		for _, v := range last.Seq2() {
			err, _ := reflect.TypeAssert[error](v)
			return err
		}
		return nil
	}
	if !last.Type().Implements(errorType) || last.IsNil() {
		return nil
	}
	err, _ := reflect.TypeAssert[error](last)
	return err
}

// plausible makes an argument that passes whatever is checked without a look at the database.
func plausible(t reflect.Type) reflect.Value {
	for _, v := range []any{
		ident.New(), ident.Ext{System: "shop", ID: "1"}, "plain", int64(1), time.Hour, privacy.ByEmail, privacy.Marketing,
		customer.OrganizationDraft{Name: "A"}, pipeline.Standard(), privacy.Bounced,
		privacy.Request{Subject: ident.New(), Purpose: privacy.Marketing, Channel: privacy.ByEmail},
		privacy.Send{Key: "1", Subject: ident.New(), Purpose: privacy.Marketing, Channel: privacy.ByEmail},
		privacy.DeliverFunc(func(context.Context, personal.Text) error { return nil }),
	} {
		if reflect.TypeOf(v).AssignableTo(t) {
			return reflect.ValueOf(v)
		}
	}
	if t.Kind() == reflect.Func && t.CanSeq2() { // one row of a load
		return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
			in[0].Call([]reflect.Value{plausible(t.In(0).In(0)), reflect.Zero(errorType)})
			return nil
		})
	}
	return reflect.Zero(t)
}

// Programs with other modules share a database: one without cases leaves their clocks to the one that has them, and shows
// a timeline as it is.
func TestAProgramThatUsesLessThanIsInstalled(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		ctx, kms := t.Context(), keys.NewMemory()
		open := func(modules ...crm.Module) *house {
			h := &house{Backend: b, clock: &clock{now: time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)}}
			var err error
			h.CRM, err = crm.NewPools(ctx, crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
				KMS: kms, Clock: h.clock.Now, Logger: slog.New(slog.DiscardHandler), Modules: modules,
				Subscribers: []crm.Subscriber{{Name: "notes", Purpose: privacy.Operations, Handle: h.note}},
			})
			require.NoError(t, err)
			return h
		}
		all, few := open(), open(crm.ModuleCustomer)
		require.NoError(t, few.Check(ctx), "further modules are fine")
		acme := all.organization(t, all.admin(), "ACME")
		cs, err := all.admin().Cases.Open(ctx, service.CaseDraft{Customer: acme.ID, Subject: "late"})
		require.NoError(t, err)
		for _, h := range []*house{all, few} {
			lines, err := h.admin().Interactions.Timeline(ctx, acme.ID, page.Query{})
			require.NoError(t, err)
			require.Len(t, lines.Items, 1, "of the case")
			h.clock.Advance(90 * 24 * time.Hour)
		}
		require.NotContains(t, few.kinds(t, cs.ID), service.CaseBreached)
		require.Contains(t, all.kinds(t, cs.ID), service.CaseBreached)
		_, err = few.admin().Cases.Get(ctx, cs.ID)
		isFault(t, err, fault.Unavailable, crm.ReasonModule)

		d := schema.Definition{Entity: pipeline.EntityLead, Key: "tier", Type: rule.TypeText, Class: personal.None}
		_, err = all.admin().Schema.Define(ctx, d)
		require.NoError(t, err)
		_, err = few.admin().Schema.Define(ctx, d)
		isFault(t, err, fault.Unavailable, crm.ReasonModule)
		isFault(t, few.admin().Schema.Retire(ctx, d.Entity, d.Key), fault.Unavailable, crm.ReasonModule)
		require.NoError(t, all.admin().Schema.Retire(ctx, d.Entity, d.Key))
		require.ErrorIs(t, few.admin().Schema.Retire(ctx, "nonsense", d.Key), fault.ErrNotFound)
	})
}

// What a configuration says about modules is checked when the CRM is opened.
func TestModulesOfAConfiguration(t *testing.T) {
	t.Parallel()

	write, read, err := sqlite.OpenPools(t.Context(), sqlite.Memory)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(read.Close(), write.Close())) })
	open := func(cfg crm.Config) (*crm.CRM, error) {
		cfg.KMS = keys.NewMemory()
		return crm.NewPools(t.Context(), crm.Pools{Write: write, Read: read}, sqlite.Dialect, &cfg)
	}
	ext := plugin.New(plugin.Info{ID: "com.example.looker", Namespace: "look", Version: "0.1.0"})
	ext.Purpose(plugin.Purpose{ID: privacy.Service, Basis: plugin.Agreement, Text: map[string]string{"en": "looking"}})
	ext.Reads(service.EntityCase, privacy.Service, "state")
	ext.LogsInteractions()
	for want, cfg := range map[string]crm.Config{
		`Config.Modules: there is no module "servise": did you mean "service"?`: {Modules: []crm.Module{"servise"}},
		"Config.Modules: service needs customer: name it too":                   {Modules: []crm.Module{crm.ModuleService, crm.ModulePlugin}},
		"Config.Extensions: need the module plugin":                             {Modules: []crm.Module{crm.ModuleCustomer}, Extensions: []plugin.Extension{ext}},
		"reads: unavailable: the module service is left out":                    {Modules: []crm.Module{crm.ModuleCustomer, crm.ModulePlugin}, Extensions: []plugin.Extension{ext}},
		"writes: unavailable: the module customer is left out":                  {Modules: []crm.Module{crm.ModulePlugin}, Extensions: []plugin.Extension{ext}},
	} {
		_, err := open(cfg)
		require.Equal(t, fault.Invalid, fault.CodeOf(err), want)
		require.ErrorContains(t, err, want)
	}
	c, err := open(crm.Config{Modules: []crm.Module{crm.ModuleCustomer}})
	require.NoError(t, err)
	require.NoError(t, crm.Migrate(t.Context(), write, sqlite.Dialect, crm.ModulePlugin))
	err = c.Check(t.Context())
	isFault(t, err, fault.Unavailable, "pending", "the module customer")
}
