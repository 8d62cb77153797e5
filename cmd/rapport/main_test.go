package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// shell runs the command on one database.
type shell struct {
	t    *testing.T
	dir  string
	base []string // flags that name the database
	env  map[string]string
	db   string
	keys string
}

// each runs fn on an empty database of either kind.
func each(t *testing.T, fn func(t *testing.T, sh *shell)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()

		fn(t, sqliteShell(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()

		sh := &shell{t: t, dir: t.TempDir(), db: dbtest.Postgres(t).Database(t)}
		sh.keys = sh.path("pg.keys")
		sh.base = []string{"--db", sh.db, "--keys", sh.keys}
		fn(t, sh)
	})
}

func sqliteShell(t *testing.T) *shell {
	t.Helper()
	sh := &shell{t: t, dir: t.TempDir()}
	sh.db = sh.path("crm.db")
	sh.keys, sh.base = sh.db+".keys", []string{"--db", sh.db}
	return sh
}

func (sh *shell) path(name string) string { return filepath.Join(sh.dir, name) }

func (sh *shell) write(name, text string) string {
	sh.t.Helper()
	require.NoError(sh.t, os.WriteFile(sh.path(name), []byte(text), 0o600))
	return sh.path(name)
}

// run runs a command with the database's flags, and with args as they are, and returns what it printed, with ids, times
// and paths replaced.
func (sh *shell) run(code int, args ...string) (stdout, stderr string) {
	sh.t.Helper()
	return sh.raw(code, append(args[:len(args):len(args)], sh.base...)...)
}

func (sh *shell) raw(code int, args ...string) (stdout, stderr string) {
	sh.t.Helper()
	var out, errs bytes.Buffer
	got := runIn(sh.t.Context(), func(name string) string { return sh.env[name] }, args, &out, &errs)
	require.Equal(sh.t, code, got, "%q\n%s\n%s", args, out.String(), errs.String())
	return sh.plain(out.String()), sh.plain(errs.String())
}

var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	times  = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	spaces = regexp.MustCompile(`(?m) +$`)
)

func (sh *shell) plain(s string) string {
	s = uuids.ReplaceAllString(s, "ID")
	s = times.ReplaceAllString(s, "TIME")
	s = strings.ReplaceAll(s, sh.dir+string(os.PathSeparator), "")
	return spaces.ReplaceAllString(s, "")
}

const people = "No.,First name,Last name,E-mail,Phone\n1,Ada,Lovelace,ada@example.com,+44 20 7946 0018\n2,Charles,Babbage,charles@example.com,\n"

const peopleMapping = `{
	"entity": "customer", "kind": "person", "system": "shop", "constants": {"country": "GB"},
	"columns": {"ext": "No.", "given": "First name", "family": "Last name", "email": "E-mail", "phone.work": "Phone"}
}`

// filled migrates and imports two persons.
func (sh *shell) filled() {
	sh.t.Helper()
	sh.run(0, "migrate")
	sh.run(0, "import", sh.write("people.csv", people), "--mapping", sh.write("people.json", peopleMapping))
}
