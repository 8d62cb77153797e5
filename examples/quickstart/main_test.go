package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

// The sets below are written like the public one, and go wrong in each way that a row can.
const (
	accounts = "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n" +
		"Acme,teknology,1996,1100.04,2822,Kenja,Nobody\nAcme  Corp,it,,,,,\nBeta,it,19x6,NaN,1.5,,\nAcme,it,,,,,\n,,,,,,\n" +
		"Null O'Brien-李,it,,,,,Cafe\u0301\nL1,,,,,,L2\nL2,,,,,,L1\nCafe\u0301,,,,,,\n"
	teams    = "regional_office,manager,sales_agent\nEast,M,Ann\nWest,M,Bo \nEast,M,Ann\n"
	products = "product,series,sales_price\nGTX Pro,GTX,1\n,x,1\nMG,MG,2\n"
	deals    = "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value,more\n" +
		"1,Ann,GTX Pro,Acme,Won,1/2/2017,3/1/2017,1054.5,\n" +
		"2,Ann,GTXPro,Acme,Won,1/2/2017,3/1/2017,1,\n3,Ann,gtx pro, Acme,won,1/2/2017,3/1/2017,1,\n" +
		"4,Bo,MG,Unknown,Won,2/30/2017,2017-03-01,\"1,054\",\n5,,,,,,,,\n,,,,,,,,\n" +
		"1,Ann,MG,Acme,Lost,4/1/2017,3/1/2017,-5,\n6,Ann,MG,Acme,Won,1/1/0001,,,\n7,Ann,MG,Acme,Engaging,,3/1/2017,,\n" +
		"8,Ann,MG,Acme,Prospecting,,,,\n9,Ann,MG,\n10,Ann,MG,Acme,Lost,1/2/2017,3/1/2017,0,,surplus\n" +
		"11,Ann,\"MG,Acme,Lost,1/2/2017,3/1/2017,0,\n12,Ann,MG,Null O'Brien-李,Lost,1/2/2017,3/1/2017,7,\"two\nlines\"\n" +
		"13,Ann,MG,Acme,Lost,1/2/2017,3/1/2017,99999999999999999999,\n14,Ann,MG,L1,Engaging,3/1/2017,,,"
)

// set writes a data set into a folder, with the given files in place of those above.
func set(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	whole := map[string]string{"accounts.csv": accounts, "sales_teams.csv": teams, "products.csv": products, "sales_pipeline.csv": deals}
	maps.Copy(whole, files)
	for name, text := range whole {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	return folder
}

func TestEveryRowOfABadSetIsImportedOrAFault(t *testing.T) {
	t.Parallel()
	want := []string{
		"accounts.csv 2 subsidiary_of", // unknown, imported without
		"accounts.csv 3 account", "accounts.csv 4 employees", "accounts.csv 4 revenue", "accounts.csv 4 year_established",
		"accounts.csv 5 account", "accounts.csv 6 account", "accounts.csv 7 subsidiary_of", "accounts.csv 9 subsidiary_of",
		"accounts.csv 10 account",
		"sales_teams.csv 3 sales_agent", "sales_teams.csv 4 sales_agent", "products.csv 3 product",
		"sales_pipeline.csv 3 product", "sales_pipeline.csv 4 product", "sales_pipeline.csv 4 account", "sales_pipeline.csv 4 deal_stage",
		"sales_pipeline.csv 5 account", "sales_pipeline.csv 5 sales_agent", "sales_pipeline.csv 5 engage_date",
		"sales_pipeline.csv 5 close_date", "sales_pipeline.csv 5 close_value",
		"sales_pipeline.csv 6 deal_stage", "sales_pipeline.csv 6 product", "sales_pipeline.csv 6 account", "sales_pipeline.csv 6 sales_agent",
		"sales_pipeline.csv 7 opportunity_id", "sales_pipeline.csv 7 deal_stage", "sales_pipeline.csv 7 product",
		"sales_pipeline.csv 7 account", "sales_pipeline.csv 7 sales_agent",
		"sales_pipeline.csv 8 opportunity_id", "sales_pipeline.csv 8 close_value", "sales_pipeline.csv 8 close_date",
		"sales_pipeline.csv 9 engage_date", "sales_pipeline.csv 9 close_date", "sales_pipeline.csv 9 close_value",
		"sales_pipeline.csv 10 close_date", "sales_pipeline.csv 11 engage_date", "sales_pipeline.csv 12 deal_stage",
		"sales_pipeline.csv 13 more", "sales_pipeline.csv 14 product", "sales_pipeline.csv 17 close_value",
	}
	onEach(t, []string{"--data", set(t, nil)}, func(t *testing.T, got facts, db *sql.DB) {
		trueOf(t, got, db)
		var have []string
		for _, f := range got.Imported.Faults {
			require.NotEmpty(t, f.Message)
			have = append(have, fmt.Sprintf("%s %d %s", f.File, f.Row, f.Field))
		}
		slices.Sort(want)
		slices.Sort(have)
		require.Equal(t, want, have)
		require.Equal(t, []tally{
			{"accounts.csv", 9, 4, 5}, {"sales_teams.csv", 3, 1, 2}, {"products.csv", 3, 2, 1}, {"sales_pipeline.csv", 16, 3, 13},
		}, got.Imported.Files)
		require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_opportunity WHERE ext_id = '1' AND booked_minor = 105450"))
		require.Equal(t, 1, count(t, db, "SELECT count(*) FROM crm_relationship WHERE type = 'parent'"))
	})
}

// What the steps need and the set does not have is made up; every row is still accounted for.
func TestASetWithoutAccounts(t *testing.T) {
	t.Parallel()
	header, _, _ := strings.Cut(accounts, "\n")
	team, _, _ := strings.Cut(teams, "\n")
	onEach(t, []string{"--data", set(t, map[string]string{"accounts.csv": header, "sales_teams.csv": team})}, func(t *testing.T, got facts, db *sql.DB) {
		require.Equal(t, 0, got.Imported.Opportunities)
		require.Equal(t, 16, got.Imported.Rejected)
		require.True(t, got.Booth.SecondBuyerRefused)
		require.Equal(t, 3, count(t, db, "SELECT count(*) FROM crm_customer WHERE name LIKE 'Made-up %'"))
	})
}

func TestASetThatIsNotWholeIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files map[string]string
		want  string
	}{
		"renamed column": {map[string]string{"sales_pipeline.csv": strings.Replace(deals, "close_value", "value", 1)}, `no column "close_value"`},
		"renamed owner":  {map[string]string{"sales_pipeline.csv": strings.Replace(deals, "sales_agent", "agent", 1)}, `no column "sales_agent"`},
		"renamed sector": {map[string]string{"accounts.csv": strings.Replace(accounts, "sector", "branch", 1)}, `no column "sector"`},
		"doubled column": {map[string]string{"products.csv": "product,product\n"}, "both named"},
		"empty":          {map[string]string{"products.csv": ""}, "the file is empty"},
		"UTF-16":         {map[string]string{"sales_teams.csv": "\xff\xfes\x00"}, "UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			path := filepath.Join(t.TempDir(), "crm.db")
			err := run(t.Context(), []string{"--json", "--db", path, "--data", set(t, tt.files)}, &out, io.Discard)
			require.ErrorContains(t, err, tt.want)
			require.Empty(t, out.String())
			require.NoFileExists(t, path)
		})
	}
}

func TestBadFlagsAreRefused(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--nothing"}, {"surplus"}, {"--data", "/no/such/folder"}, {"--db", "postgres://localhost/x"},
	} {
		require.Error(t, run(context.Background(), args, io.Discard, io.Discard), fmt.Sprint(args))
	}
}
