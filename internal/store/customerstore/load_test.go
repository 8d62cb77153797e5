package customerstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
)

// A load leaves what creating one row after the other leaves, and reports the same faults.
func TestC14LoadIsCreateManyTimes(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		open := map[string]func(testing.TB) dbtest.Backend{"sqlite": dbtest.SQLite, "postgres": dbtest.PostgresBackend, "partitioned": dbtest.Partitioned}[b.Name]
		loaded, created := newLab(t, b), newLab(t, open(t))
		rows := drafts(rand.New(rand.NewPCG(seed, 3)), 400)
		for _, l := range []*lab{loaded, created} {
			l.define(t)
			_, err := l.all().Create(t.Context(), rows[7])
			require.NoError(t, err)
		}
		report, err := loaded.all().Load(t.Context(), seq(rows), &work.LoadOptions{Batch: 150})
		require.NoError(t, err)
		require.Equal(t, len(rows), report.Rows)
		require.Equal(t, report.Rows, report.Created+len(report.Faults))

		want := map[int]error{}
		for i, d := range rows {
			if _, err := created.all().Create(t.Context(), d); err != nil {
				want[i] = err
			}
		}
		require.NotEmpty(t, want)
		got := map[int]error{}
		for _, f := range report.Faults {
			got[f.Row] = f.Err
		}
		require.Len(t, got, len(want))
		for i, w := range want {
			a, _ := errors.AsType[*fault.Error](w)
			b, _ := errors.AsType[*fault.Error](got[i])
			require.NotNil(t, b, "row %d: %v", i, w)
			require.Equal(t, []any{a.Code, a.Field, a.Reason}, []any{b.Code, b.Field, b.Reason}, "row %d", i)
		}
		for _, table := range []string{"crm_customer", "crm_contact_point", "crm_customer_ext", "crm_subject_key", "crm_audit", "crm_event",
			"crm_dispatch", "crm_field_index", "crm_timeline"} {
			require.Equal(t, created.rows(t, table), loaded.rows(t, table), table)
		}
		a, c := loaded.list(t, customer.Filter{}), created.list(t, customer.Filter{})
		require.Len(t, a, len(c))
		byID := map[ident.ID]customer.Customer{}
		for _, x := range c {
			byID[x.ID] = x
		}
		for _, x := range a {
			require.Equal(t, values(byID[x.ID]), values(x))
			require.Equal(t, byID[x.ID].Ext, x.Ext)
			require.Equal(t, created.taxID(t, x.ID), loaded.taxID(t, x.ID))
		}
		require.NotEmpty(t, loaded.accesses(t))
		require.Equal(t, created.accesses(t), loaded.accesses(t))
		for _, text := range []string{"ada", "李", "n1"} {
			x, err := loaded.all().Search(t.Context(), text, 1000)
			require.NoError(t, err)
			y, err := created.all().Search(t.Context(), text, 1000)
			require.NoError(t, err)
			require.Equal(t, ids(y), ids(x))
			require.NotEmpty(t, x)
		}
	})
}

// drafts are rows of all kinds, good and bad, with ids of their own.
func drafts(r *rand.Rand, n int) []customer.Draft {
	out := make([]customer.Draft, n)
	id := func(i int) (x ident.ID) {
		x[0], x[1], x[15] = byte(i>>8), byte(i), 1
		return x
	}
	word := []string{"Ada", "O'Brien-李", "Zoë", "北京", "bad\x00", ""}
	for i := range out {
		key := id(i + 1)
		if r.IntN(40) == 0 {
			key = id(r.IntN(i + 1))
		}
		d := customer.PersonDraft{ID: key, Given: word[r.IntN(len(word))], Family: fmt.Sprintf("N%d", i%9), OwnerTeam: []string{"", "north"}[r.IntN(2)]}
		d.TaxID = []string{"", "", fmt.Sprintf("DE %d", i), "bad\x01"}[r.IntN(40)%13%4]
		if i == 7 { // there before the load begins
			out[i] = customer.PersonDraft{ID: id(i + 1), Given: "Seventh", Ext: []ident.Ext{{System: "u", ID: "1"}}}
			continue
		}
		for range r.IntN(3) {
			d.Ext = append(d.Ext, ident.Ext{System: []string{"u", "erp"}[r.IntN(2)], ID: fmt.Sprint(r.IntN(4 * n))})
		}
		for range r.IntN(4) {
			d.Points = append(d.Points, customer.PointDraft{
				Channel: []personal.Channel{personal.ByEmail, personal.ByPhone, personal.BySocial}[r.IntN(3)],
				Value:   []string{fmt.Sprintf("a%d@b.de", r.IntN(n)), fmt.Sprintf("+49301%06d", r.IntN(n))}[r.IntN(2)], Verified: r.IntN(3) == 0,
			})
		}
		if r.IntN(2) == 0 {
			d.Custom = []schema.Set{tier.Set([]string{"gold", "tin"}[r.IntN(8)/7]), size.Set(int64(i))}
		}
		out[i] = d
	}
	return out
}

// rows counts a table's rows and shows what does not differ by chance, in a fixed order.
func (l *lab) rows(t testing.TB, table string) []string {
	t.Helper()
	columns := map[string]string{
		"crm_customer":      "id, version, kind, name, given, family, sort_name, lifecycle, lifecycle_since, owner_user, owner_team, custom, created_at, updated_at, created_by",
		"crm_contact_point": "customer_id, version, channel, label, is_primary, verified, invalid, valid_from, valid_to, created_at",
		"crm_customer_ext":  "system, ext_id, customer_id, created_at",
		"crm_subject_key":   "subject_id, epoch, created_at",
		"crm_audit":         "at, action, entity, record_id, version, actor_kind, actor_id, purpose, changed",
		"crm_event":         "kind, entity, record_id, version, ordinal, actor_kind, actor_id, purpose, at, changed, refs, facts",
		"crm_dispatch":      "entity, record_id, version, at",
		"crm_field_index":   "entity, field, record_id, sort_key",
		"crm_timeline":      "customer_id, at, kind",
	}[table]
	where := ""
	if table == "crm_audit" || table == "crm_event" || table == "crm_dispatch" {
		where = " WHERE entity = 'customer'"
	}
	rs, err := l.Write.QueryContext(t.Context(), "SELECT "+columns+" FROM "+table+where)
	require.NoError(t, err)
	defer rs.Close()
	n := len(strings.Split(columns, ","))
	var out []string
	for rs.Next() {
		cells, dest := make([]any, n), make([]any, n)
		for i := range cells {
			dest[i] = &cells[i]
		}
		require.NoError(t, rs.Scan(dest...))
		out = append(out, fmt.Sprintf("%v", cells))
	}
	require.NoError(t, rs.Err())
	slices.Sort(out)
	return out
}

func TestLoadReportsEveryRow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		bad := errors.New("line 3: no such column")
		rows := func(yield func(customer.Draft, error) bool) {
			_ = yield(customer.OrganizationDraft{Name: "A"}, nil) && yield(nil, bad) && yield(customer.OrganizationDraft{}, nil) &&
				yield(customer.OrganizationDraft{Name: "B"}, nil) && yield(nil, nil) && yield(customer.OrganizationDraft{Name: "C"}, nil)
		}
		var seen []int
		report, err := l.all().Load(t.Context(), rows, &work.LoadOptions{Batch: 2, Progress: func(r work.LoadReport) { seen = append(seen, r.Rows) }})
		require.NoError(t, err)
		require.Equal(t, 6, report.Rows)
		require.Equal(t, 3, report.Created)
		require.Equal(t, []int{2, 4, 6}, seen)
		var at []int
		for _, f := range report.Faults {
			at = append(at, f.Row)
		}
		require.Equal(t, []int{1, 2, 4}, at)
		require.ErrorIs(t, report.Faults[0].Err, bad)
		require.ErrorIs(t, report.Faults[1].Err, fault.ErrInvalid)

		_, err = l.all().Load(t.Context(), rows, &work.LoadOptions{Batch: -1})
		require.ErrorIs(t, err, fault.ErrInvalid)
		s := scope(admin)
		s.Once = "k"
		_, err = l.svc.Customers(&s).Load(t.Context(), rows, nil)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.as(ident.User("acme", "eve", "viewer")).Load(t.Context(), rows, nil)
		require.ErrorIs(t, err, fault.ErrDenied)
	})
}

func TestLoadInAHostTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		tx, err := l.Write.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		s := scope(admin)
		s.Unit = l.DB.Join(tx)
		report, err := l.svc.Customers(&s).Load(t.Context(), seq(drafts(rand.New(rand.NewPCG(1, 1)), 250)[10:]), nil)
		require.NoError(t, err)
		require.Positive(t, report.Created)
		require.NoError(t, tx.Rollback())
		n, err := l.all().Count(t.Context(), customer.Filter{})
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

// goneSince is a store in which every new customer is taken at the check, by one that is deleted right after it.
type goneSince struct{ customer.Store }

func (goneSince) CheckCustomers(_ context.Context, _ *work.Call, recs []*customer.Customer, _ bool) ([]error, error) {
	out := make([]error, len(recs))
	for i := range out {
		out[i] = &fault.Error{Code: fault.Conflict, Reason: work.ReasonTaken, Field: "ext[0]"}
	}
	return out, nil
}

// A row that brings a customer up to date creates it where it is gone meanwhile, and is counted so.
func TestAnImportCountsWhatItCreates(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		svc := customer.New(customer.Config{Engine: l.Engine, Store: goneSince{customerstore.New(l.DB, l.Keys)}})
		s := scope(admin)
		m := transfer.Mapping{Entity: "customer", Kind: "person", System: "shop", Columns: map[string]string{"ext": "No.", "given": "Name"}}
		for _, want := range [][3]int{{2, 0, 0}, {0, 1, 1}} {
			file := fmt.Sprintf("No.,Name\n1,Ada\n2,Bo%d\n", want[1])
			rep, err := transfer.Import(t.Context(), svc.Customers(&s).Import(), strings.NewReader(file), m, nil)
			require.NoError(t, err)
			require.Equal(t, want, [3]int{rep.Created, rep.Updated, rep.Unchanged}, "%v", rep.Faults)
		}
	})
}
