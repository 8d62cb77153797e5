package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/bench"
)

func TestMigrate(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		if strings.HasPrefix(sh.db, "/") {
			_, errs := sh.run(1, "migrate", "--pending")
			require.Contains(t, errs, `there is no database crm.db: "rapport migrate" makes it`)
			require.NoFileExists(t, sh.db)
		}
		out, _ := sh.run(0, "migrate", "--modules", "customer,privacy")
		require.Equal(t, "modules: foundation 1, customer 1, privacy 1\napplied:\n  foundation/0001_tables\n  customer/0001_tables\n  privacy/0001_tables\n", out)
		out, _ = sh.run(0, "migrate", "--modules", "customer, privacy")
		require.Equal(t, "modules: foundation 1, customer 1, privacy 1\nnothing to do\n", out)
		out, _ = sh.run(0, "migrate", "--pending")
		require.Contains(t, out, "missing:\n  pipeline/0001_tables\n  service/0001_tables\n  plugin/0001_tables\n")
		out, _ = sh.run(0, "migrate", "--pending", "--json")
		require.JSONEq(t, `{"modules": {"foundation": 1, "customer": 1, "privacy": 1},
			"pending": ["pipeline/0001_tables", "service/0001_tables", "plugin/0001_tables"]}`, out)

		out, _ = sh.run(0, "migrate", "--down", "--modules", "privacy,service")
		require.Equal(t, "modules: foundation 1, customer 1\nremoved: privacy\n", out)
		out, _ = sh.run(0, "migrate")
		require.Contains(t, out, "modules: "+versions(newest())+"\napplied:\n  pipeline/0001_tables\n")
		_, errs := sh.run(1, "migrate", "--down", "--modules", "customer")
		require.Contains(t, errs, "the module pipeline needs customer")
		for want, args := range map[string][]string{
			"exclude each other":    {"--pending", "--down", "--modules", "service"},
			"say by --modules":      {"--down"},
			"takes no arguments":    {"now"},
			"did you mean --module": {"--module", "service"},
		} {
			_, errs := sh.run(2, append([]string{"migrate"}, args...)...)
			require.Contains(t, strings.ToLower(errs), want)
		}
		_, errs = sh.run(1, "migrate", "--modules", "servise")
		require.Contains(t, errs, `there is no module "servise": did you mean "service"?`)
		_, errs = sh.run(1, "migrate", "--modules", "service")
		require.Contains(t, errs, "service needs customer: name it too")
	})
}

// A database with some of the modules works, and says which it lacks.
func TestADatabaseWithSomeModules(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.run(0, "migrate", "--modules", "plugin")
		out, _ := sh.run(0, "doctor")
		require.Contains(t, out, "ok       migrations   foundation 1, plugin 1; not installed: customer, pipeline, service, privacy")
		require.Contains(t, out, "ok       drift")
		sh.run(0, "migrate", "--modules", "customer")
		sh.run(0, "import", sh.write("people.csv", people), "--mapping", sh.write("people.json", peopleMapping))
		out, _ = sh.run(0, "doctor")
		require.Contains(t, out, "not installed: pipeline, service, privacy")
		require.Contains(t, out, "ok       keys         they open what is sealed")
		_, errs := sh.run(1, "list", "case")
		require.Contains(t, errs, "the module service is left out")
		_, errs = sh.run(1, "migrate", "--down", "--modules", "customer")
		require.Regexp(t, `crm_customer holds \d+ rows`, errs)
		out, _ = sh.run(0, "list", "customer")
		require.NotEmpty(t, out)
	})
}

func TestDoctor(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.run(0, "migrate")
		out, _ := sh.run(0, "doctor")
		require.Contains(t, out, "warning  key file")
		require.Contains(t, out, "ok       keys         tenant default has no customers yet")
		require.NoFileExists(t, sh.keys, "the doctor changes nothing")
		sh.filled()
		out, _ = sh.run(0, "doctor")
		for _, want := range []string{
			"ok       database", "ok       settings", "ok       clock", "ok       migrations   foundation 1, customer 1", "ok       drift", "mode 0600",
			"ok       keys         they open what is sealed (3 values of 2 customers tried)", "ok       queue        2 writes to hand out", "ok       dead letters none",
		} {
			require.Contains(t, out, want)
		}
		out, _ = sh.run(0, "doctor", "--as", "u-1:sales")
		require.Contains(t, out, "warning  queue        not looked at")

		_, _ = sh.raw(0, append([]string{"import", sh.path("people.csv"), "--mapping", sh.path("people.json"), "--keys", sh.path("other.keys"), "--tenant", "other"}, sh.base[:2]...)...)
		out, _ = sh.raw(1, append([]string{"doctor", "--keys", sh.path("other.keys"), "--json"}, sh.base[:2]...)...)
		var rep struct {
			OK     bool
			Checks []finding
		}
		require.NoError(t, json.Unmarshal([]byte(out), &rep))
		require.False(t, rep.OK)
		require.Contains(t, out, "the keys do not open what is sealed in this database")

		require.NoError(t, os.Chmod(sh.keys, 0o644)) //nolint:gosec // the fault to be found
		out, _ = sh.run(1, "doctor")
		require.Contains(t, out, "FAILED   key file")
		require.Contains(t, out, "chmod 600")
		_, errs := sh.run(1, "get", "customer", "shop/1")
		require.Contains(t, errs, "chmod 600")
	})
}

// Keys of the same tenant from another installation are found out.
func TestDoctorFindsForeignKeys(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		other := sqliteShell(t)
		other.filled()
		out, _ := sh.raw(1, append([]string{"doctor", "--keys", other.keys}, sh.base[:2]...)...)
		require.Contains(t, out, "FAILED   keys         the keys do not open what is sealed in this database")
	})
}

func TestDoctorFindsDrift(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		o := &options{db: sh.db}
		db, err := o.openDatabase(t.Context(), false)
		require.NoError(t, err)
		_, err = db.pools.Write.ExecContext(t.Context(), "ALTER TABLE crm_customer ADD COLUMN shoe_size INTEGER")
		require.NoError(t, err)
		require.NoError(t, db.close())
		out, _ := sh.run(1, "doctor")
		require.Contains(t, out, "FAILED   drift        is not expected: column crm_customer.shoe_size")
	})
}

func TestBadDatabases(t *testing.T) {
	t.Parallel()

	sh := sqliteShell(t)
	text := sh.write("notes.txt", strings.Repeat("no database at all\n", 1000))
	for want, db := range map[string]string{
		"there is no database absent.db":      sh.path("absent.db"),
		"not a database":                      text,
		"cannot open":                         sh.dir,
		"does not answer":                     "postgres://127.0.0.1:1/none?connect_timeout=1",
		"no address of a PostgreSQL database": "postgres://user:secret@host:port:x/",
	} {
		for _, cmd := range [][]string{{"get", "customer", "a/b"}, {"doctor"}} {
			out, errs := sh.raw(1, append(cmd, "--db", db, "--keys", sh.path("k"))...)
			require.Contains(t, strings.ToLower(out+errs), strings.ToLower(want), "%v", cmd)
			require.NotContains(t, out+errs, "secret")
		}
	}
	_, errs := sh.raw(2, "list", "customer", "--db", "")
	require.Contains(t, errs, "--db must name a file")
	_, errs = sh.raw(2, "list", "customer", "--db", "postgres://localhost/x")
	require.Contains(t, errs, "--keys must name the key file")
	require.Contains(t, errs, "RAPPORT_KEYS")
	sh.env = map[string]string{"RAPPORT_KEYS": sh.path("k")}
	_, errs = sh.raw(1, "list", "customer", "--db", "postgres://127.0.0.1:1/x?connect_timeout=1")
	require.Contains(t, errs, "does not answer")
	for _, flags := range [][]string{{"--tenant", ""}, {"--tenant", strings.Repeat("x", 65)}, {"--as", "system:"}, {"--as", ":sales"}, {"--purpose", ""}} {
		_, errs = sh.raw(2, append([]string{"list", "customer"}, flags...)...)
		require.Contains(t, errs, flags[0])
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()

	sh := sqliteShell(t)
	_, errs := sh.raw(2)
	require.Contains(t, errs, "Commands:")
	out, _ := sh.raw(0, "help")
	for _, c := range commands() {
		require.Contains(t, out, "  "+c.name+" ")
		page, _ := sh.raw(0, "help", c.name)
		require.Contains(t, page, "Usage:\n\n  rapport "+c.name)
		flag, _ := sh.raw(0, c.name, "--help")
		require.Equal(t, page, flag)
		for _, line := range strings.Split(page, "\n") {
			require.LessOrEqual(t, len(line), 130, "a page is readable")
		}
	}
	_, errs = sh.raw(2, "imprt")
	require.Equal(t, "rapport: there is no command \"imprt\". Did you mean \"import\"?\n", errs)
	_, errs = sh.raw(2, "help", "x")
	require.Contains(t, errs, "there is no command")
	_, errs = sh.raw(2, "bench", "--op", "customer.fly")
	require.Contains(t, errs, "--op")
	_, errs = sh.raw(2, "bench", "--rows", "0")
	require.Contains(t, errs, "--rows: want at least 1000, have 0")
	_, errs = sh.raw(2, "bench", "--db", "crm.db")
	require.Contains(t, errs, "--db: want the postgres:// address of a server")
	_, errs = sh.raw(2, "bench", "--seconds", "NaN")
	require.Contains(t, errs, "--seconds")
	out, _ = sh.raw(0, "version", "--json")
	require.Contains(t, out, `"schema":{"customer":1,"foundation":1,"pipeline":1,"plugin":1,"privacy":1,"service":1},"plugin_contract":1,`)
	_, errs = sh.raw(2, "version", "x", "--json")
	require.JSONEq(t, `{"error": {"code": "usage", "message": "takes no arguments, have \"x\""}}`, errs)
}

func TestBenchExplainsItsColumns(t *testing.T) {
	t.Parallel()

	page, _ := sqliteShell(t).raw(0, "bench", "--help")
	for f := range reflect.TypeFor[bench.Result]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "op" && name != "dialect" && name != "peer" {
			require.Contains(t, page, name)
		}
	}
}
