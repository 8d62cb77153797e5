package crm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	bunschema "github.com/uptrace/bun/schema"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// The tests of this file are what a user of the CRM sees first, line by line and on every database. They change only
// when the promise does.

// Tier is the host's custom field.
var Tier = schema.NewKey[string]("tier")

func TestContractOpening(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := t.TempDir() + "/crm.db"

	c, err := sqlite.Open(ctx, path, nil)
	require.NoError(t, err)
	s := c.As(ident.System("acme", "nightly"), privacy.Marketing)
	_, err = s.Customers.Create(ctx, customer.PersonDraft{Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "a@example.com"}}})
	require.NoError(t, err)
	for _, file := range []string{path, path + ".keys"} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
	require.NoError(t, c.Close(ctx))

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		ctx, kms, sqlDB, pool := t.Context(), keys.NewMemory(), b.Write, b.Pool
		c, err := crm.New(ctx, sqlDB, b.Dialect, &crm.Config{KMS: kms})
		require.NoError(t, err)
		err = crm.Migrate(ctx, sqlDB, b.Dialect)
		require.NoError(t, err)
		require.NoError(t, c.Check(ctx))
		if pool != nil {
			c, err := postgres.FromPool(ctx, pool, &crm.Config{KMS: kms})
			require.NoError(t, err)
			require.NoError(t, c.Close(ctx))
			require.NoError(t, pool.Ping(ctx), "the host's pool stays open")
		}
		_, err = crm.New(ctx, sqlDB, b.Dialect, nil)
		require.ErrorContains(t, err, "Config.KMS", "there is no silent default")
	})
}

func TestContractActing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, c, key := t.Context(), h.CRM, "k-1"
		defineTier(t, h)

		s := c.As(ident.User("acme", "u-17", "sales").InTeams("emea"), privacy.Sales)
		require.Equal(t, privacy.Service, s.For(privacy.Service).Purpose())
		s = s.From(personal.Source{System: "signup"})

		acme, err := s.Once(key).Customers.Create(ctx, customer.OrganizationDraft{Name: "ACME GmbH"})
		require.NoError(t, err)
		again, err := s.Once(key).Customers.Create(ctx, customer.OrganizationDraft{Name: "ACME GmbH"})
		require.NoError(t, err)
		require.Equal(t, acme.ID, again.ID)

		ada, err := s.Customers.Upsert(ctx, ident.Ext{System: "users", ID: "42"}, customer.PersonDraft{Given: "Ada",
			Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}}})
		require.NoError(t, err)
		ada, err = s.Customers.Update(ctx, ada.ID, ada.Version, customer.Update{Given: new("Ada"), Custom: []schema.Set{Tier.Set("gold")}})
		require.NoError(t, err)
		require.Equal(t, "signup", ada.Source.System)

		o, err := s.Opportunities.Create(ctx, pipeline.OpportunityDraft{Customer: acme.ID, Amount: money.MustParse("100 EUR"), Custom: []schema.Set{Tier.Set("gold")}})
		require.NoError(t, err)
		o, err = s.Opportunities.Move(ctx, o.ID, "proposal")
		require.NoError(t, err)

		var found []ident.ID
		tier := "gold"
		for o, err := range s.Opportunities.All(ctx, pipeline.OpportunityFilter{Open: new(true),
			Query: page.Query{Sort: "-amount", Where: page.Where{Expr: "custom.tier == tier", Args: map[string]any{"tier": tier}}}}) {
			require.NoError(t, err)
			found = append(found, o.ID)
		}
		require.Equal(t, []ident.ID{o.ID}, found)

		var w bytes.Buffer
		require.NoError(t, json.NewEncoder(&w).Encode(ada))
		require.NotContains(t, w.String(), "ada@example.com")
		require.NotContains(t, w.String(), "Ada")
		require.NoError(t, json.NewEncoder(&w).Encode(personal.Revealed(ada)))
		require.Contains(t, w.String(), "ada@example.com")
		require.Contains(t, w.String(), `"tax_id":null`, "masked fields stay masked")
	})
}

func TestP9ContractTransactions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s := t.Context(), h.admin()
		ada := h.organization(t, s, "ACME")
		_, err := h.Write.ExecContext(ctx, "CREATE TABLE host (id INTEGER PRIMARY KEY)")
		require.NoError(t, err)
		open := func(ctx context.Context, s *crm.Session) error {
			_, err := s.Cases.Open(ctx, service.CaseDraft{Customer: ada.ID, Subject: "x"})
			return err
		}

		const hostSQL = "INSERT INTO host VALUES (1)"
		err = s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
			_, err := s.SQL().ExecContext(ctx, hostSQL)
			return errors.Join(err, open(ctx, s))
		})
		require.NoError(t, err)

		sqlTx, err := h.Write.BeginTx(ctx, nil)
		require.NoError(t, err)
		_, err = s.Join(sqlTx).Cases.Open(ctx, service.CaseDraft{Customer: ada.ID, Subject: "x"})
		require.NoError(t, err)
		require.NoError(t, sqlTx.Commit())

		require.NoError(t, bunOf(h).RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			_, err := tx.NewRaw("INSERT INTO host VALUES (2)").Exec(ctx)
			return errors.Join(err, open(ctx, s.Join(tx.Tx)))
		}))
		want := 3

		if h.Pool != nil {
			pgxTx, err := h.Pool.Begin(ctx)
			require.NoError(t, err)
			err = postgres.Join(ctx, s, pgxTx, func(ctx context.Context, s *crm.Session) error {
				return open(ctx, s)
			})
			require.NoError(t, err)
			require.NoError(t, pgxTx.Commit(ctx))
			want++
		}
		require.Equal(t, want, h.rows(t, "crm_case"))
		require.Equal(t, 2, h.rows(t, "host"))
	})
}

// bunOf is how a host that works with bun would hold the same database.
func bunOf(h *house) *bun.DB {
	var d bunschema.Dialect = sqlitedialect.New()
	if h.Pool != nil {
		d = pgdialect.New()
	}
	return bun.NewDB(h.Write, d)
}

func TestContractSending(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		ctx, s, k := t.Context(), h.admin(), "news-1"
		ada, err := s.Customers.Create(ctx, customer.PersonDraft{Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}}})
		require.NoError(t, err)

		d, err := s.Sends.Deliver(ctx, privacy.Send{Key: k, Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail},
			func(context.Context, personal.Text) error { panic("nobody gave consent") })
		require.False(t, d.Allowed)
		f, ok := errors.AsType[*fault.Error](err)
		require.True(t, ok)
		require.Equal(t, fault.NoConsent, f.Code)
		require.Equal(t, string(privacy.WasNotAsked), f.Reason)
		p := fault.AsProblem(err, "zh")
		require.Equal(t, "缺少同意", p.Title)
		require.Equal(t, 403, p.Status)
	})
}

func TestP10ContractNothingRunsBeforeStart(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		ctx, got := t.Context(), make(chan event.Event, 10)
		h := newHouse(t, b, crm.Subscriber{Name: "billing", Purpose: privacy.Billing, Kinds: []event.Kind{customer.Created},
			Handle: func(_ context.Context, _ *crm.Session, e event.Event) error { got <- e; return nil }})
		acme := h.organization(t, h.admin(), "ACME")
		require.Empty(t, got, "nothing runs before Start")
		require.NoError(t, h.Start(ctx))
		require.Equal(t, acme.ID, (<-got).Record.ID)
		require.NoError(t, h.Stop(ctx))
		require.NoError(t, h.CRM.Close(ctx))
	})
}

func defineTier(t *testing.T, h *house) {
	t.Helper()
	s := h.As(ident.System("acme", "setup"), privacy.Operations)
	for _, entity := range []string{customer.EntityCustomer, pipeline.EntityOpportunity} {
		_, err := s.Schema.Define(t.Context(), schema.Definition{Entity: entity, Key: "tier", Type: rule.TypeText, Class: personal.None})
		require.NoError(t, err)
	}
}
