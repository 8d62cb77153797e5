package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

func setting(name, value string) func(*pgxpool.Config) {
	return func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams[name] = value }
}

func all(parts ...func(*pgxpool.Config)) func(*pgxpool.Config) {
	return func(c *pgxpool.Config) {
		for _, p := range parts {
			p(c)
		}
	}
}

// A host sets its pool up as it likes, or as its pooler wants it.
func TestPoolsOfHosts(t *testing.T) {
	t.Parallel()

	simple := mode(pgx.QueryExecModeSimpleProtocol)
	for name, configure := range map[string]func(*pgxpool.Config){
		"one connection":  func(c *pgxpool.Config) { c.MaxConns = 1 },
		"simple protocol": simple,
		"exec":            mode(pgx.QueryExecModeExec),
		"describe":        mode(pgx.QueryExecModeDescribeExec),
		"descriptions":    mode(pgx.QueryExecModeCacheDescribe),
		"zone":            setting("TimeZone", "Asia/Shanghai"),
		"dates":           all(setting("DateStyle", "German, DMY"), setting("bytea_output", "escape")),
		"all of it":       all(simple, setting("TimeZone", "Europe/Berlin"), setting("DateStyle", "ISO, DMY")),
		"serializable":    setting("default_transaction_isolation", "serializable"),
		"schema":          setting("search_path", `"The CRM"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dsn := dbtest.Postgres(t).Database(t)
			plain := openPool(t, dsn, nil)
			_, err := plain.Exec(t.Context(), `CREATE SCHEMA "The CRM"`)
			require.NoError(t, err)
			pool := openPool(t, dsn, configure)
			require.NoError(t, postgres.Migrate(t.Context(), pool))
			c, err := postgres.FromPool(t.Context(), pool, &crm.Config{KMS: keys.NewMemory()})
			require.NoError(t, err)
			require.NoError(t, c.Start(t.Context()))
			live(t, c)
			require.NoError(t, c.Check(t.Context()))
			require.NoError(t, c.Close(t.Context()))
		})
	}
}

// live writes and reads a little of everything.
func live(t *testing.T, c *crm.CRM) {
	t.Helper()
	s := c.As(ident.User("acme", "u-1", "admin"), privacy.Sales)
	draft := customer.PersonDraft{
		Given: "Null O'Brien-李", Family: `back\\slash 'q' $1 ?`,
		Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}},
	}
	made, err := s.Once("k").Customers.Create(t.Context(), draft)
	require.NoError(t, err)
	again, err := s.Once("k").Customers.Create(t.Context(), draft)
	require.NoError(t, err)
	require.Equal(t, made.ID, again.ID)
	got, err := s.Customers.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, made.Name.Reveal(), got.Name.Reveal())
	require.Equal(t, "ada@example.com", got.Points[0].Value.Reveal())
	require.Equal(t, made.CreatedAt, got.CreatedAt)
	_, err = s.Customers.Get(t.Context(), ident.New())
	require.ErrorIs(t, err, fault.ErrNotFound)
	report, err := s.Customers.Load(t.Context(), func(yield func(customer.Draft, error) bool) {
		for i := range 20 {
			if !yield(customer.OrganizationDraft{Name: fmt.Sprint("load ", i)}, nil) {
				return
			}
		}
	}, nil)
	require.NoError(t, err)
	require.Empty(t, report.Faults)
	names := map[string]bool{}
	for rec, err := range s.Customers.All(t.Context(), customer.Filter{Query: page.Query{Limit: 4, Sort: "-name"}}) {
		require.NoError(t, err)
		names[rec.Name.Reveal()] = true
	}
	require.Len(t, names, 21)
	cs, err := s.Cases.Open(t.Context(), service.CaseDraft{Customer: made.ID, Type: service.Complaint, Priority: service.Urgent, Subject: "late"})
	require.NoError(t, err)
	read, err := s.Cases.Get(t.Context(), cs.ID)
	require.NoError(t, err)
	require.Equal(t, cs.ResolutionDue, read.ResolutionDue)
	require.Equal(t, time.UTC, read.ResolutionDue.Location())
	require.NoError(t, c.Drain(t.Context()))
}

// What pgx could not work with is refused at once, before anything is made.
func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()

	simple := mode(pgx.QueryExecModeSimpleProtocol)
	for _, configure := range []func(*pgxpool.Config){
		setting("standard_conforming_strings", "off"), setting("client_encoding", "LATIN1"), all(simple, setting("DateStyle", "German")),
		all(simple, setting("standard_conforming_strings", "off")), all(simple, setting("bytea_output", "escape")),
	} {
		pool := openPool(t, dbtest.Postgres(t).Database(t), configure)
		for _, err := range []error{
			postgres.Migrate(t.Context(), pool),
			func() error {
				_, err := postgres.FromPool(t.Context(), pool, &crm.Config{KMS: keys.NewMemory()})
				return err
			}(),
		} {
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.Regexp(t, "standard_conforming_strings|client_encoding|DateStyle|bytea_output", err.Error())
		}
	}
}

func TestEncodingsThatAreRefused(t *testing.T) {
	t.Parallel()

	dsn := dbtest.Postgres(t).Database(t)
	_, err := openPool(t, dsn, nil).Exec(t.Context(), "CREATE DATABASE crm_latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := openPool(t, dsn, nil).Exec(context.Background(), "DROP DATABASE crm_latin WITH (FORCE)")
		require.NoError(t, err)
	})
	err = postgres.Migrate(t.Context(), openPool(t, dbtest.WithDatabase(dsn, "crm_latin"), nil))
	require.ErrorIs(t, err, fault.ErrInvalid)
	require.ErrorContains(t, err, "LATIN1")
}
