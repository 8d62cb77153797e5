package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// lines imports leads by their header, and returns the counts and the faults.
func (b bundle) lines(t *testing.T, s *crm.Session, m transfer.Mapping, text string) string {
	t.Helper()
	m.Entity, m.ByHeader = pipeline.EntityLead, true
	rep, err := transfer.Import(t.Context(), s.Leads.Import(), strings.NewReader(b.filled(text)), m, nil)
	require.NoError(t, err)
	return fmt.Sprintf("%d created, %d rejected %v", rep.Created, len(rep.Faults), rep.Faults)
}

// A customer is known by its id in the mapping's system, by SYSTEM/ID, and by its own id, in this order.
func TestReferences(t *testing.T) {
	t.Parallel()

	each(t, pipeline.EntityLead, func(t *testing.T, b bundle) {
		odd, err := b.Customers.Create(t.Context(), customer.PersonDraft{Given: "Odd", Ext: []ident.Ext{
			{System: "crm", ID: b.second.String()}, {System: "crm", ID: "shop/1"},
		}})
		require.NoError(t, err)
		text := "customer\nSECOND\nshop/1\n"
		m := transfer.Mapping{WithoutIDs: true}
		require.Equal(t, "2 created, 0 rejected []", b.lines(t, b.Session, m, text))
		require.Equal(t, []string{"Ada1", "Ada2"}, b.owners(t))

		m.System = "crm"
		require.Equal(t, "2 created, 0 rejected []", b.lines(t, b.Session, m, text))
		require.Equal(t, []string{"Ada1", "Ada2", odd.Name.Reveal(), odd.Name.Reveal()}, b.owners(t), "ids of the file's own system go first")

		m.Customers = "shop"
		require.Equal(t, "1 created, 2 rejected [line 3, customer: no customer has this id in system \"shop\": import the customer first "+
			"line 4, customer: no customer has this id in system \"shop\": import the customer first]", b.lines(t, b.Session, m, "customer\n1\n3\nshop/3\n"))
		require.Equal(t, "0 created, 2 rejected [line 2, customer: no customer has this id: want its own, or SYSTEM/ID of another system, such as erp/4711 "+
			"line 3, customer: no customer has this id: want its own, or SYSTEM/ID of another system, such as erp/4711]",
			b.lines(t, b.Session, transfer.Mapping{WithoutIDs: true}, "customer\n1\n\""+strings.Repeat("x", 300)+"\"\n"))
	})
}

// owners names the customers of all leads, in order.
func (b bundle) owners(t *testing.T) []string {
	t.Helper()
	var out []string
	for l, err := range b.Leads.All(t.Context(), pipeline.LeadFilter{}) {
		require.NoError(t, err)
		out = append(out, owner(t.Context(), b.Session, l.Customer))
	}
	return sorted(out)
}

// A file says nothing about customers that its importer may not see, nor about those of another tenant.
func TestReferencesOutOfSight(t *testing.T) {
	t.Parallel()

	each(t, pipeline.EntityLead, func(t *testing.T, b bundle) {
		mine, err := b.Customers.Create(t.Context(), customer.PersonDraft{Given: "Mine", OwnerUser: "u-1", Ext: []ident.Ext{{System: "shop", ID: "3"}}})
		require.NoError(t, err)
		m := transfer.Mapping{System: "shop", WithoutIDs: true}
		seller := b.acting(ident.User("acme", "u-1", "sales"))
		require.Equal(t, "1 created, 3 rejected [line 3, customer: no customer has this id in system \"shop\": import the customer first "+
			"line 4, customer: no customer has this id in system \"shop\": import the customer first "+
			"line 5, customer: no such customer, or none that you may see]", b.lines(t, seller, m, "customer\n3\n1\n99\nSECOND\n"))
		require.Equal(t, []string{mine.Name.Reveal()}, b.owners(t))

		other := b.acting(ident.System("other", "import"))
		require.Equal(t, "0 created, 1 rejected [line 2, customer: no customer has this id in system \"shop\": import the customer first]",
			b.lines(t, other, m, "customer\n1\n"))
	})
}

// Rows with ids of their own are not doubled.
func TestOwnIDs(t *testing.T) {
	t.Parallel()

	each(t, pipeline.EntityLead, func(t *testing.T, b bundle) {
		text := "ID;Origin\nNOBODY;fair\nx;web\n"
		text = b.filled(text)
		require.Equal(t, "1 created, 1 rejected [line 3, ID: want an id like 0190e6a2-7b1c-7def-8a34-0123456789ab]", b.lines(t, b.Session, transfer.Mapping{}, text))
		require.Contains(t, b.lines(t, b.Session, transfer.Mapping{}, text), "0 created, 2 rejected [line 2, ID: ")
		require.Equal(t, []int{1}, b.count(t, "crm_lead"))
	})
}

func TestImportStops(t *testing.T) {
	t.Parallel()

	each(t, pipeline.EntityLead, func(t *testing.T, b bundle) {
		m := transfer.Mapping{Entity: pipeline.EntityLead, ByHeader: true, WithoutIDs: true}
		broken := errors.New("disk on fire")
		file := io.MultiReader(strings.NewReader("origin\na\nb\nc\nd"), iotest.ErrReader(broken))
		rep, err := transfer.Import(t.Context(), b.Leads.Import(), file, m, &transfer.Options{Batch: 2})
		require.ErrorIs(t, err, broken)
		require.Equal(t, 3, rep.Created)
		require.Equal(t, []int{3}, b.count(t, "crm_lead"), "whole rows stay, half a row is none")

		for field, tt := range map[string]struct {
			s *crm.Session
			m transfer.Mapping
			o *transfer.Options
		}{
			"batch":   {b.Session, m, &transfer.Options{Batch: -1}},
			"entity":  {b.Session, transfer.Mapping{Entity: "case", ByHeader: true, WithoutIDs: true}, nil},
			"history": {b.Session, transfer.Mapping{Entity: pipeline.EntityLead, ByHeader: true, WithoutIDs: true, History: true}, nil},
			"once":    {b.Once("k"), m, nil},
			"tenant":  {b.acting(ident.Principal{}), m, nil},
		} {
			_, err := transfer.Import(t.Context(), tt.s.Leads.Import(), strings.NewReader("origin\nx\n"), tt.m, tt.o)
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok && f.Code == fault.Invalid && f.Field == field, "%s: %v", field, err)
		}
		_, err = transfer.Import(t.Context(), b.acting(ident.User("acme", "u-1", "nobody")).Leads.Import(), strings.NewReader("origin\nx\n"), m, nil)
		require.ErrorIs(t, err, fault.ErrDenied)
		require.Equal(t, []int{3}, b.count(t, "crm_lead"))
	})
}

// A context that ends, and a source that fails, are faults with the operation as those of a load.
func TestImportIsInterrupted(t *testing.T) {
	t.Parallel()

	each(t, pipeline.EntityLead, func(t *testing.T, b bundle) {
		m := transfer.Mapping{Entity: pipeline.EntityLead, ByHeader: true, WithoutIDs: true}
		interrupted := func(src io.Reader, o *transfer.Options, stop func(cancel context.CancelFunc) func(work.LoadReport)) (work.LoadReport, *fault.Error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o.Progress = stop(cancel)
			rep, err := transfer.Import(ctx, b.Leads.Import(), src, m, o)
			var f *fault.Error
			require.ErrorAs(t, err, &f)
			require.Contains(t, f.Op, "transfer: ")
			require.Equal(t, fault.Unavailable, f.Code)
			return rep, f
		}
		atOnce := func(cancel context.CancelFunc) func(work.LoadReport) { cancel(); return nil }
		later := func(cancel context.CancelFunc) func(work.LoadReport) { return func(work.LoadReport) { cancel() } }
		file := "origin\na\nb\nc\nd\ne\n"

		rep, f := interrupted(strings.NewReader(file), &transfer.Options{Batch: 2}, atOnce)
		require.ErrorIs(t, f, context.Canceled)
		require.Equal(t, "canceled", f.Reason)
		require.Zero(t, rep.Rows)
		rep, f = interrupted(strings.NewReader(file), &transfer.Options{Batch: 2}, later)
		require.ErrorIs(t, f, context.Canceled)
		require.Equal(t, "canceled", f.Reason)
		require.Equal(t, 2, rep.Created)
		require.Equal(t, []int{2}, b.count(t, "crm_lead"))

		// What has no end, ends with the context.
		rep, f = interrupted(io.MultiReader(strings.NewReader("origin\na\nb\n"), endless('x')), &transfer.Options{Batch: 2}, later)
		require.Equal(t, "canceled", f.Reason)
		require.Equal(t, 2, rep.Created)

		broken := errors.New("disk on fire")
		never := func(context.CancelFunc) func(work.LoadReport) { return nil }
		for _, begin := range []string{"", "origin\na\n"} {
			_, f = interrupted(io.MultiReader(strings.NewReader(begin), iotest.ErrReader(broken)), &transfer.Options{}, never)
			require.ErrorIs(t, f, broken)
		}
	})
}

func TestImportWantsATargetAndAFile(t *testing.T) {
	t.Parallel()

	each(t, pipeline.EntityLead, func(t *testing.T, b bundle) {
		m := transfer.Mapping{Entity: pipeline.EntityLead, ByHeader: true, WithoutIDs: true}
		_, none := transfer.Import(t.Context(), b.Leads.Import(), nil, m, nil)
		_, zero := transfer.Import(t.Context(), transfer.Target{}, strings.NewReader("origin\na\n"), m, nil)
		_, form := transfer.Target{}.Form(t.Context())
		_, reader := transfer.NewReader(nil, transfer.Format{})
		for field, errs := range map[string][]error{"src": {none, reader}, "target": {zero, form}} {
			for _, err := range errs {
				f, ok := errors.AsType[*fault.Error](err)
				require.True(t, ok && f.Code == fault.Invalid && f.Field == field, "%s: %v", field, err)
			}
		}
	})
}

// acting returns a session of another principal.
func (b bundle) acting(p ident.Principal) *crm.Session { return b.crm.As(p, privacy.Operations) }

// What a batch refers to is asked for at once, however many rows it has.
func TestLookupsAreBatched(t *testing.T) {
	t.Parallel()

	dbtest.EachChaos(t, func(t *testing.T, db dbtest.Backend, wire *dbtest.Chaos) {
		c, err := crm.NewPools(t.Context(), crm.Pools{Write: db.Write, Read: db.Read}, db.Dialect, &crm.Config{KMS: keys.NewMemory()})
		require.NoError(t, err)
		s := c.As(ident.System("acme", "import"), privacy.Operations)
		people, leads := "ext,given\n", "customer,score\n"
		for i := range 120 {
			people += fmt.Sprintf("%d,Ada\n", i)
			leads += fmt.Sprintf("%d,1\nshop/%d,2\n", i, i)
		}
		m := transfer.Mapping{Entity: customer.EntityCustomer, Kind: "person", System: "shop", ByHeader: true}
		rep, err := transfer.Import(t.Context(), s.Customers.Import(), strings.NewReader(people), m, nil)
		require.NoError(t, err)
		require.Equal(t, 120, rep.Created, "%v", rep.Faults)

		before := wire.Coverage()
		if db.Name != "sqlite" {
			require.Positive(t, before["copy.crm_customer"], "new rows are written by COPY")
		}
		m = transfer.Mapping{Entity: pipeline.EntityLead, System: "shop", ByHeader: true, WithoutIDs: true}
		rep, err = transfer.Import(t.Context(), s.Leads.Import(), strings.NewReader(leads), m, &transfer.Options{Batch: 80})
		require.NoError(t, err)
		require.Equal(t, 240, rep.Created, "%v", rep.Faults)
		after := wire.Coverage()
		did := func(name string) int { return after[name] - before[name] }
		require.Equal(t, [2]int{3, 0}, [2]int{did("customer.by_exts"), did("customer.by_ext")}, "one for each batch")
		require.Equal(t, [2]int{6, 0}, [2]int{did("customer.get_many"), did("customer.get")}, "whom the file names, and whom a batch refers to")
	})
}
