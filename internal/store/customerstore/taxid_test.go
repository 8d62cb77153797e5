package customerstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

const taxNumber = "DE 811 907 980"

// lawful sees customers for a purpose that needs the class of the tax id.
func (l *lab) lawful(p ident.Principal) customer.Customers {
	return l.svc.Customers(&work.Scope{Principal: p, Purpose: personal.Legal})
}

// taxed creates a customer with a tax id, and with nothing else to seal.
func (l *lab) taxed(t *testing.T) customer.Customer {
	t.Helper()
	c, err := l.all().Create(t.Context(), customer.OrganizationDraft{Name: "ACME GmbH", TaxID: " " + taxNumber + " "})
	require.NoError(t, err)
	return c
}

// taxID reveals the tax id as a principal with every right.
func (l *lab) taxID(t *testing.T, id ident.ID) string {
	t.Helper()
	c, err := l.lawful(admin).Reveal(t.Context(), id)
	require.NoError(t, err)
	return c.TaxID.Reveal()
}

// accesses lists the access records: who, for what, to which fields.
func (l *lab) accesses(t *testing.T) (out []string) {
	t.Helper()
	rows, err := l.Write.QueryContext(t.Context(), "SELECT actor_id, purpose, entity, fields FROM crm_access ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var who, why, entity, fields string
		require.NoError(t, rows.Scan(&who, &why, &entity, &fields))
		out = append(out, strings.Join([]string{who, why, entity, fields}, " "))
	}
	require.NoError(t, rows.Err())
	return out
}

func TestP3TheTaxIDIsMaskedWhetherOrNotThereIsOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		with := l.taxed(t)
		ext := ident.Ext{System: "erp", ID: "1"}
		without, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "ACME Ltd", Ext: []ident.Ext{ext}})
		require.NoError(t, err)
		changed, err := l.all().Update(ctx, without.ID, 0, customer.Update{Country: new("DE")})
		require.NoError(t, err)
		byExt, err := l.all().ByExt(ctx, ext)
		require.NoError(t, err)
		seen := []customer.Customer{with, without, changed, byExt}
		for _, id := range []ident.ID{with.ID, without.ID} {
			for _, cs := range []customer.Customers{l.all(), l.lawful(admin)} {
				got, err := cs.Get(ctx, id)
				require.NoError(t, err)
				seen = append(seen, got)
			}
		}
		found, err := l.lawful(admin).Search(ctx, "acme", 10)
		require.NoError(t, err)
		list := l.list(t, customer.Filter{})
		require.Len(t, found, 2)
		require.Len(t, list, 2)
		for _, c := range append(append(seen, found...), list...) {
			require.Equal(t, personal.Masked, c.TaxID.State())
			require.Equal(t, personal.Government, c.TaxID.Class())
			require.Equal(t, []string{"tax_id"}, c.Hidden)
			require.Empty(t, c.TaxID.Reveal())
		}
		found, err = l.all().Search(ctx, taxNumber, 10)
		require.NoError(t, err)
		require.Empty(t, found)
		require.Empty(t, l.accesses(t))
	})
}

func TestP3RevealShowsTheTaxIDAndKeepsRecordOfIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		with, without := l.taxed(t), l.person(t, "Ada", "Byron", "ada@example.org")
		got, err := l.lawful(admin).Reveal(ctx, with.ID)
		require.NoError(t, err)
		require.Equal(t, taxNumber, got.TaxID.Reveal())
		require.Equal(t, "ACME GmbH", got.Name.Reveal())
		require.Empty(t, got.Hidden)
		require.NotContains(t, fmt.Sprintf("%+v %#v", got, got), taxNumber)
		require.Equal(t, []string{`root legal customer ["tax_id"]`}, l.accesses(t))

		got, err = l.lawful(admin).Reveal(ctx, without.ID)
		require.NoError(t, err)
		require.Equal(t, personal.Absent, got.TaxID.State())
		require.Equal(t, []string{"ada@example.org"}, values(got))
		for _, why := range []personal.Purpose{personal.Sales, personal.Service, personal.Billing, personal.Marketing} {
			got, err = l.svc.Customers(&work.Scope{Principal: admin, Purpose: why}).Reveal(ctx, with.ID)
			require.NoError(t, err)
			require.Equal(t, personal.Masked, got.TaxID.State(), why)
			require.Contains(t, got.Hidden, "tax_id")
		}
		for _, role := range []string{"sales", "service", "marketing", "viewer"} {
			_, err = l.lawful(ident.User("acme", "eve", role)).Reveal(ctx, with.ID)
			require.ErrorIs(t, err, fault.ErrDenied, role)
		}
		_, err = l.lawful(ident.User("acme", "mia", "manager")).Reveal(ctx, with.ID)
		require.ErrorIs(t, err, fault.ErrNotFound, "another team's")
		_, err = l.lawful(ident.User("other", "root", "admin")).Reveal(ctx, with.ID)
		require.ErrorIs(t, err, fault.ErrNotFound, "another tenant's")
		_, err = l.lawful(admin).Reveal(ctx, ident.ID{})
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.Len(t, l.accesses(t), 1, "nothing more was shown")

		l.merge(t, without.ID, with.ID)
		got, err = l.lawful(admin).Reveal(ctx, without.ID)
		require.NoError(t, err)
		require.Equal(t, with.ID, got.ID)
		require.Equal(t, taxNumber, got.TaxID.Reveal())
		require.NoError(t, l.all().Delete(ctx, with.ID, 0))
		_, err = l.lawful(admin).Reveal(ctx, with.ID)
		require.ErrorIs(t, err, fault.ErrNotFound)
		require.Len(t, l.accesses(t), 2)
	})
}

func TestATaxIDIsChangedClearedAndKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		c := l.taxed(t)
		same, err := l.lawful(admin).Update(ctx, c.ID, 1, customer.Update{TaxID: new(taxNumber)}) // who may see it
		require.NoError(t, err)
		require.EqualValues(t, 1, same.Version, "nothing changed, nothing written")
		before := l.sealed(t, c.ID)
		c, err = l.all().Update(ctx, c.ID, 1, customer.Update{Name: new("ACME SE")})
		require.NoError(t, err)
		c, err = l.all().AddPoint(ctx, c.ID, 2, customer.PointDraft{Channel: personal.ByEmail, Value: "info@example.org"})
		require.NoError(t, err)
		c, err = l.all().MoveLifecycle(ctx, c.ID, customer.StageNew, "first order")
		require.NoError(t, err)
		require.Equal(t, before, l.sealed(t, c.ID), "other changes do not touch it")
		require.Equal(t, taxNumber, l.taxID(t, c.ID))

		c, err = l.all().Update(ctx, c.ID, c.Version, customer.Update{TaxID: new("e\u0301 99")})
		require.NoError(t, err)
		require.Equal(t, personal.Masked, c.TaxID.State())
		require.Equal(t, "\u00e9 99", l.taxID(t, c.ID))
		_, err = l.all().Update(ctx, c.ID, 0, customer.Update{Clear: []string{"tax_id"}})
		require.NoError(t, err)
		require.Empty(t, l.taxID(t, c.ID))
		require.Empty(t, l.sealed(t, c.ID))
		ext := ident.Ext{System: "erp", ID: "1"}
		for _, d := range []customer.OrganizationDraft{{Name: "B", TaxID: "1"}, {TaxID: "2"}, {Name: "B SE"}} {
			c, err = l.all().Upsert(ctx, ext, d)
			require.NoError(t, err)
		}
		require.Equal(t, "2", l.taxID(t, c.ID))
	})
}

// sealed returns the stored bytes.
func (l *lab) sealed(t *testing.T, id ident.ID) (out []byte) {
	t.Helper()
	q := "SELECT tax_id FROM crm_customer WHERE id = $1"
	require.NoError(t, l.Write.QueryRowContext(t.Context(), q, l.Dialect.Arg(id)).Scan(&out))
	require.NotContains(t, string(out), taxNumber)
	return out
}

func TestTaxIDsThatAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		c := l.person(t, "Ada", "", "ada@example.org")
		for name, s := range map[string]string{
			"blank": "  ", "nul": "81\x00", "bad utf-8": "81\xff", "tab": "81\t1", "two lines": "81\n1", "c1": "81\u00851",
			"long": strings.Repeat("8", 61), "very long": strings.Repeat("8 ", 1000),
		} {
			_, err := l.all().Create(ctx, customer.PersonDraft{Given: "A", TaxID: s})
			_, err2 := l.all().Update(ctx, c.ID, 0, customer.Update{TaxID: &s})
			for _, err := range []error{err, err2} {
				require.ErrorIs(t, err, fault.ErrInvalid, name)
				f, _ := errors.AsType[*fault.Error](err)
				require.Equal(t, "tax_id", f.Field, name)
				require.NotContains(t, err.Error(), "81", name)
			}
		}
		_, err := l.all().Create(ctx, customer.PersonDraft{Given: "A", TaxID: strings.Repeat("税", 60)})
		require.NoError(t, err)
		_, err = l.lawful(admin).Page(ctx, customer.Filter{Query: page.Query{Where: page.Where{Expr: `tax_id == "8"`}}})
		require.ErrorIs(t, err, fault.ErrDenied)
		_, err = l.lawful(admin).Count(ctx, customer.Filter{Query: page.Query{Where: page.Where{Expr: `has(tax_id)`}}})
		require.ErrorIs(t, err, fault.ErrDenied)
		_, err = l.lawful(admin).Page(ctx, customer.Filter{Query: page.Query{Sort: "tax_id"}})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func TestAnErasedKeyTakesTheTaxIDAway(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		c, other := l.taxed(t), l.taxed(t)
		l.exec(t, "DELETE FROM crm_subject_key WHERE subject_id = $1", "DELETE FROM crm_subject_key WHERE subject_id = ?", c.ID)
		got, err := l.lawful(admin).Reveal(ctx, c.ID)
		require.NoError(t, err)
		_, err = got.TaxID.Value()
		require.ErrorIs(t, err, &fault.Error{Code: fault.NotFound, Reason: "erased"})
		require.Equal(t, taxNumber, l.taxID(t, other.ID))
		_, err = l.all().Update(ctx, c.ID, 0, customer.Update{Country: new("DE")})
		require.NoError(t, err, "the rest can be changed")
		_, err = l.all().Update(ctx, c.ID, 0, customer.Update{TaxID: new("new")})
		require.NoError(t, err)
		require.Equal(t, "new", l.taxID(t, c.ID))
		// A value that was moved to another row does not open there.
		l.exec(t, "UPDATE crm_customer SET tax_id = (SELECT tax_id FROM crm_customer WHERE id = $1) WHERE id = $2",
			"UPDATE crm_customer SET tax_id = (SELECT tax_id FROM crm_customer WHERE id = ?) WHERE id = ?", other.ID, c.ID)
		require.Empty(t, l.taxID(t, c.ID))
	})
}

func TestRevealIsRefusedWhereNothingCanBeRecorded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		c, empty := l.taxed(t), l.person(t, "Ada", "", "")
		tx, err := l.Write.BeginTx(ctx, &sql.TxOptions{ReadOnly: l.Name != "sqlite"})
		require.NoError(t, err)
		if l.Name == "sqlite" {
			_, err = tx.ExecContext(ctx, "PRAGMA query_only = 1")
			require.NoError(t, err)
		}
		s := work.Scope{Principal: admin, Purpose: personal.Legal, Unit: l.DB.Join(tx)}
		got, err := l.svc.Customers(&s).Reveal(ctx, c.ID)
		want := fault.ErrInvalid
		if l.Name == "sqlite" {
			want = fault.ErrUnavailable
		}
		require.ErrorIs(t, err, want)
		require.Zero(t, got)
		got, err = l.svc.Customers(&s).Get(ctx, c.ID)
		require.NoError(t, err, "the transaction goes on")
		require.Equal(t, personal.Masked, got.TaxID.State())
		_, err = l.svc.Customers(&s).Reveal(ctx, empty.ID)
		require.NoError(t, err, "nothing to show, nothing to record")
		if l.Name == "sqlite" {
			_, err = tx.ExecContext(ctx, "PRAGMA query_only = 0")
			require.NoError(t, err)
		}
		require.NoError(t, tx.Rollback())
		require.Empty(t, l.accesses(t))
	})
}

func TestP3NothingIsRevealedWithoutItsRecord(t *testing.T) {
	t.Parallel()
	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, chaos *dbtest.Chaos) {
		l := newLab(t, b)
		c := l.taxed(t)
		for name, rule := range map[string]dbtest.Rule{
			"record": {Match: func(text string) bool { return strings.Contains(text, "crm_access") }},
			"commit": {Ops: []dbtest.Op{dbtest.OpCommit}},
		} {
			rule.Err = errors.New("disk full")
			f := chaos.Inject(rule)
			got, err := l.lawful(admin).Reveal(t.Context(), c.ID)
			require.Error(t, err, name)
			require.Zero(t, got, name)
			require.Positive(t, f.Fired(), name)
			chaos.Clear()
			require.Empty(t, l.accesses(t), name)
		}
		require.Equal(t, taxNumber, l.taxID(t, c.ID))
		require.Len(t, l.accesses(t), 1)
	})
}

func TestARevealStandsOrFallsWithTheHostsTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		c := l.taxed(t)
		for _, commit := range []bool{false, true} {
			err := l.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
				s := work.Scope{Principal: admin, Purpose: personal.Legal, Unit: u}
				got, err := l.svc.Customers(&s).Reveal(ctx, c.ID)
				require.NoError(t, err)
				require.Equal(t, taxNumber, got.TaxID.Reveal())
				if !commit {
					return context.Canceled
				}
				return nil
			})
			require.Equal(t, commit, err == nil)
			require.Equal(t, commit, len(l.accesses(t)) == 1)
		}
	})
}
