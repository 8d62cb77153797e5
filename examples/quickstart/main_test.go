package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestMain(m *testing.M) {
	if servedPlugin() { // the quickstart starts its own executable, here the test's, as the plugin
		return
	}
	os.Exit(dbtest.Main(m))
}

// onEach runs the quickstart on every database and gives fn what it says, and the database it left behind.
func onEach(t *testing.T, args []string, fn func(t *testing.T, got facts, db *sql.DB)) {
	t.Helper()
	for name, place := range map[string]func(t *testing.T) (driver, dsn string, flags []string){
		"sqlite": func(t *testing.T) (string, string, []string) {
			path := filepath.Join(t.TempDir(), "crm.db")
			return "sqlite", path, []string{"--db", path}
		},
		"postgres": func(t *testing.T) (string, string, []string) {
			dsn := dbtest.Postgres(t).Database(t)
			return "pgx", dsn, []string{"--db", dsn, "--keys", filepath.Join(t.TempDir(), "keys")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			driver, dsn, flags := place(t)
			var out bytes.Buffer
			require.NoError(t, run(t.Context(), append(append(flags, "--json"), args...), &out, io.Discard))
			var got facts
			dec := json.NewDecoder(&out)
			dec.DisallowUnknownFields()
			require.NoError(t, dec.Decode(&got))
			_, err := dec.Token()
			require.ErrorIs(t, err, io.EOF, "one object and nothing else")
			db, err := sql.Open(driver, dsn)
			require.NoError(t, err)
			defer db.Close()
			fn(t, got, db)
		})
	}
}

// count asks the database itself, without the CRM.
func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n), query)
	return n
}

// trueOf checks the facts against what lies in the tables.
func trueOf(t *testing.T, got facts, db *sql.DB) {
	t.Helper()
	require.Equal(t, got.Imported.Organizations, count(t, db, "SELECT count(*) FROM crm_customer WHERE kind = 'organization'"))
	require.Equal(t, got.Imported.Persons, count(t, db, "SELECT count(*) FROM crm_customer WHERE kind = 'person'"))
	require.Equal(t, got.Imported.Opportunities, count(t, db, "SELECT count(*) FROM crm_opportunity"))
	require.True(t, got.Gate.Refused)
	require.True(t, got.Gate.PassedAfter)
	require.Equal(t, "amount", got.Gate.Field)
	require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_opportunity_move WHERE to_stage = 'proposal' AND from_stage = 'engaging'"))
	require.Equal(t, verdict{false, "not_asked"}, got.Consent.Before)
	require.True(t, got.Consent.After.Allowed)
	require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_send WHERE state = 'delivered'"))
	require.Equal(t, "urgent", got.Case.Priority)
	require.Equal(t, 48*time.Hour, got.Case.ResolutionDue.Sub(got.Case.OpenedAt))
	require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_case WHERE type = 'complaint'"))
	require.True(t, got.Booth.SecondBuyerRefused)
	require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_claim WHERE state = 'committed'"))
	require.NotEqual(t, got.Plugin.PIDBefore, got.Plugin.PIDAfter)
	require.Equal(t, 1, got.Plugin.Effects)
	require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_interaction"))
	require.Zero(t, count(t, db, "SELECT count(*) FROM crm_delivery WHERE state = 'dead'"))
}

func TestTheFactsAreTrueOfTheShippedData(t *testing.T) {
	t.Parallel()
	onEach(t, nil, func(t *testing.T, got facts, db *sql.DB) {
		trueOf(t, got, db)
		require.Equal(t, 12, got.Imported.Organizations)
		require.Equal(t, 14, got.Imported.Persons)
		require.Equal(t, 24, got.Imported.Opportunities)
		require.Equal(t, 2, got.Imported.Rejected)
	})
}

// salesData is the folder of the public data set, which does not come with the repository.
func salesData(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("RAPPORT_SALES_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data", "crm-sales")
	}
	if _, err := os.Stat(filepath.Join(folder, "sales_pipeline.csv")); err != nil {
		t.Skipf("skipped the import of the set of 8,800 rows: RAPPORT_SALES_DATA does not name its folder (%v)", err)
	}
	return folder
}

func TestEveryRowOfTheSalesDataIsAnOpportunityOrAFault(t *testing.T) {
	t.Parallel()
	folder := salesData(t)
	onEach(t, []string{"--data", folder}, func(t *testing.T, got facts, db *sql.DB) {
		trueOf(t, got, db)
		require.Equal(t, 8800, got.Imported.Opportunities+got.Imported.Rejected)
		fields, rows := map[string]int{}, map[int]bool{}
		for _, f := range got.Imported.Faults {
			require.NotEmpty(t, f.Message)
			fields[f.Field]++
			rows[f.Row] = true
		}
		require.Len(t, rows, got.Imported.Rejected)
		require.Equal(t, map[string]int{"product": 1480, "account": 1425, "engage_date": 500}, fields)
		require.Equal(t, 85, got.Imported.Organizations)
		// without the 645 won deals for the unknown product, what the set's documentation states
		require.Equal(t, got.Imported.Opportunities, count(t, db, "SELECT count(*) FROM crm_opportunity WHERE ext_system = 'crm-sales'"))
	})
}

func TestASecondRunOnTheSameDatabaseChangesNoCustomer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "crm.db")
	for range 2 {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), []string{"--db", path, "--json"}, &out, io.Discard))
		var got facts
		require.NoError(t, json.Unmarshal(out.Bytes(), &got))
		require.Equal(t, 24, got.Imported.Opportunities)
		require.True(t, got.Consent.After.Allowed)
		require.Equal(t, 1, got.Plugin.Effects)
	}
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	require.Equal(t, 26, count(t, db, "SELECT count(*) FROM crm_customer"))
}

func TestBadFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--nothing"}, {"surplus"}, {"--data", "/no/such/folder"}, {"--db", "postgres://localhost/x"},
	} {
		require.Error(t, run(context.Background(), args, io.Discard, io.Discard), fmt.Sprint(args))
	}
}
