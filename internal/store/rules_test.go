package store_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
)

// The rules of engines that spread a database over machines, over the catalog that the migrations make (A), the
// words of the migrations, and the registered statements (B). docs/design.md has the list with its reasons.

// reference tables serve no tenant.
var reference = []string{"crm_schema_version", "crm_lock"}

// acrossTenants are the statements that may look at every tenant.
var acrossTenants = []string{"outbox.tenants_due"}

// lines returns the parsed lines of one kind of the golden catalog.
func lines(t *testing.T, kind string, pattern string) [][]string {
	t.Helper()
	all, err := store.Golden(postgres.Dialect, append(store.Modules(), campaign.New().Module.Module))
	require.NoError(t, err)
	re := regexp.MustCompile(`^` + kind + ` ` + pattern)
	var out [][]string
	for _, line := range all {
		if m := re.FindStringSubmatch(line); m != nil {
			out = append(out, m[1:])
		}
	}
	return out
}

func tenantTables(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range lines(t, "table", `(\S+)`) {
		if !slices.Contains(reference, m[0]) {
			out = append(out, m[0])
		}
	}
	require.Greater(t, len(out), 10)
	return out
}

func TestRule01EveryTableHasATenant(t *testing.T) {
	t.Parallel()

	has := map[string]bool{}
	for _, m := range lines(t, "column", `(\w+)\.tenant_id text not null collate C$`) {
		has[m[0]] = true
	}
	for _, table := range tenantTables(t) {
		require.True(t, has[table], "%s needs tenant_id text COLLATE \"C\" NOT NULL", table)
		require.Regexp(t, `^crm_[a-z_]+$`, table)
	}
}

func TestRule02EveryKeyBeginsWithTheTenant(t *testing.T) {
	t.Parallel()

	primary := map[string]bool{}
	for _, m := range lines(t, "index", `(\w+)\.(\w+) (primary|unique|plain) \((.*?)\)(.*)`) {
		if slices.Contains(reference, m[0]) {
			continue
		}
		primary[m[0]] = primary[m[0]] || m[2] == "primary"
		if m[2] != "plain" {
			require.Regexp(t, `^tenant_id\b`, m[3], "%s.%s", m[0], m[1])
		}
	}
	for _, table := range tenantTables(t) {
		require.True(t, primary[table], "%s needs a primary key", table)
	}
}

func TestRule03ForeignKeysStayInTheTenant(t *testing.T) {
	t.Parallel()

	for _, m := range lines(t, "foreign", `(\w+) \((.*?)\) -> (\w+) \((.*?)\)(.*)`) {
		require.Regexp(t, `^tenant_id, `, m[1], m[0])
		require.Regexp(t, `^tenant_id, `, m[3], m[0])
		require.NotContains(t, reference, m[0])
		require.NotContains(t, m[4], "deferrable")
	}
}

func TestRule06NoIndexIsHotAtItsEnd(t *testing.T) {
	t.Parallel()

	for _, m := range lines(t, "index", `(\w+)\.(\w+) (primary|unique|plain) \((.*?)\)(.*)`) {
		if slices.Contains(reference, m[0]) || strings.Contains(m[4], "using gin") {
			continue
		}
		require.Regexp(t, `^tenant_id\b`, m[3], "%s.%s: the tenant must come first, not a time or an ordered id", m[0], m[1])
	}
}

func TestRule07OnlyWhatEveryEngineHas(t *testing.T) {
	t.Parallel()

	require.Empty(t, lines(t, "other", `(.* (?:trigger|rule|x) .*)`), "no triggers, rules or exclusion constraints")
	types := []string{"text", "uuid", "bigint", "integer", "boolean", "bytea", "jsonb", "date", "double precision", "timestamp with time zone", "tsvector"}
	for _, m := range lines(t, "column", `(\S+) (.*?) (?:not )?null(.*)`) {
		require.Contains(t, types, m[1], "%s: no domains, enums or other types", m[0])
		require.NotRegexp(t, `default|\b[ad]\b|\bs\b`, strings.ReplaceAll(m[2], "collate", ""), "%s: no defaults, identities or generated columns", m[0])
	}
	for _, m := range lines(t, "index", `(\S+) (?:primary|unique|plain) \((.*?)\) using (\w+)`) {
		require.Equal(t, "gin", m[2], m[0])
		require.NotContains(t, m[1], ",", "%s: no GIN over several columns", m[0])
	}
}

func TestTextKeysCompareBytes(t *testing.T) {
	t.Parallel()

	for _, m := range lines(t, "column", `(\S+) text (?:not )?null(.*)`) {
		require.Contains(t, m[1], "collate C", "%s: text must sort alike on every engine", m[0])
	}
}

// migrationWords are rules 4, 7, 8, 9, 12, 13, 14 and 17 over the words of the migrations.
var migrationWords = map[string]string{
	`serial|bigserial|identity|sequence|nextval`:                                    "4: no sequences; ids come from Go",
	`trigger|rule|function|procedure|materialized|listen|notify|inherits|exclude`:   "7: not on every engine",
	`deferrable|generated|gist|domain|enum|view|do`:                                 "7: not on every engine",
	`default|gen_random_uuid|random|clock_timestamp|now|current_timestamp|uuid_\w+`: "9: values come from Go",
	`pg_advisory\w*`: "12: no advisory locks",
	`extension|gin_trgm_ops|pg_trgm|unaccent|btree_gin`: "13: extensions are optional files",
	`concurrently|type`: "14: no change of types; indexes are built in order",
	`set|temp|temporary|unlogged|discard|reset|prepare`:                                  "17: no state of a session",
	`truncate|cascade|lock table|references\s+(?:crm_lock|crm_schema_version|(?!crm)\w)`: "a migration touches its own tables only",
}

func TestRuleMigrationWords(t *testing.T) {
	t.Parallel()

	for _, d := range []store.Dialect{postgres.Dialect, sqlite.Dialect} {
		for _, m := range append(store.Modules(), campaign.New().Module.Module) {
			files := store.FS(d, m)
			names, err := fs.Glob(files, "*.sql")
			require.NoError(t, err)
			require.NotEmpty(t, names)
			for _, name := range names {
				text, err := fs.ReadFile(files, name)
				require.NoError(t, err)
				for _, statement := range store.Statements(string(text)) {
					checkMigration(t, d.Name()+"/"+m.Name+"/"+name, statement)
				}
			}
		}
	}
}

var (
	shapes     = regexp.MustCompile(`^(?:CREATE TABLE(?: IF NOT EXISTS)? crm_\w+ \(|CREATE (?:UNIQUE )?INDEX crm_\w+ ON crm_\w+ |CREATE VIRTUAL TABLE crm_\w+ USING fts5|DROP TABLE crm_\w+$|ALTER TABLE crm_\w+ (?:ADD|DROP) COLUMN )`)
	columnName = regexp.MustCompile(`(?m)^\s+(\w+) (?:text|uuid|bigint|integer|boolean|bytea|jsonb|date|timestamptz|tsvector|double|TEXT|BLOB|INTEGER|REAL)\b`)
)

func checkMigration(t *testing.T, where, statement string) {
	t.Helper()
	require.Regexp(t, shapes, statement, "%s: migrations add and drop tables, columns and indexes named crm_", where)
	words := columnName.ReplaceAllString(statement, "") // a column may be called type
	words = regexp.MustCompile(`\([\w, ]+\)`).ReplaceAllString(words, "")
	for pattern, rule := range migrationWords {
		pattern, _, _ = strings.Cut(pattern, `|references`)
		require.NotRegexp(t, `(?i)\b(?:`+pattern+`)\b`, words, "%s: rule %s", where, rule)
	}
}

// registered are the statements of every package, by name.
func registered(t *testing.T) map[string]store.SQL {
	t.Helper()
	out := map[string]store.SQL{}
	for _, list := range everyStatement() {
		for _, q := range list {
			_, twice := out[q.Name]
			require.False(t, twice, "two statements are named %s", q.Name)
			out[q.Name] = q
		}
	}
	return out
}

// texts are both texts of every statement that serves a tenant.
func texts(t *testing.T) map[string]string {
	t.Helper()
	own := map[string]bool{}
	for _, q := range store.MigratorStatements() {
		own[q.Name] = true
	}
	out := map[string]string{}
	for name, q := range registered(t) {
		if !own[name] {
			out[name+" (postgres)"], out[name+" (sqlite)"] = q.Postgres, q.SQLite
		}
	}
	return out
}

func TestRule05TheTenantNeverChanges(t *testing.T) {
	t.Parallel()

	assign := regexp.MustCompile(`(?i)\bSET\b(.*?)(?:\bWHERE\b|\bRETURNING\b|$)`)
	for name, text := range texts(t) {
		for _, m := range assign.FindAllStringSubmatch(text, -1) {
			require.NotRegexp(t, `\btenant_id\s*=[^=]`, m[1], name)
		}
	}
}

func TestRule08ConflictTargetsAreKeys(t *testing.T) {
	t.Parallel()

	keys := map[string]bool{}
	for _, m := range lines(t, "index", `(\w+)\.\w+ (?:primary|unique) \((.*?)\)`) {
		keys[m[0]+" "+m[1]] = true
	}
	insert := regexp.MustCompile(`(?i)INSERT INTO (\w+)`)
	for name, text := range texts(t) {
		_, after, found := strings.Cut(text, "ON CONFLICT")
		if !found {
			continue
		}
		m := regexp.MustCompile(`^ \(([\w, ]+)\) (?:WHERE [\w ]+ )?DO `).FindStringSubmatch(after)
		require.NotNil(t, m, "%s: a conflict target is a plain list of columns", name)
		table := insert.FindStringSubmatch(text)
		require.NotNil(t, table, name)
		require.True(t, keys[table[1]+" "+m[1]], "%s: (%s) is no key of %s", name, m[1], table[1])
	}
}

func TestRule09NoValuesFromTheDatabase(t *testing.T) {
	t.Parallel()

	for name, text := range texts(t) {
		require.NotRegexp(t, `(?i)\b(?:now|random|gen_random_uuid|clock_timestamp|nextval|statement_timestamp|datetime|strftime|julianday|randomblob)\s*\(|\bcurrent_(?:timestamp|date|time)\b`, text, name)
	}
}

func TestRule10EveryStatementNamesTheTenant(t *testing.T) {
	t.Parallel()

	for name, text := range texts(t) {
		if slices.Contains(acrossTenants, strings.Fields(name)[0]) || !strings.Contains(text, "crm_") {
			continue
		}
		for _, part := range selects(text) {
			require.NoError(t, boundToTenant(part), "%s: %s", name, part)
		}
	}
}

// selects splits a statement into its parts between set operators, each of which must name the tenant.
func selects(text string) []string {
	return regexp.MustCompile(`(?i)\bUNION(?: ALL)?\b`).Split(text, -1)
}

var (
	anyTable  = regexp.MustCompile(`(?i)\b(?:FROM|JOIN|UPDATE|INTO)\s+(crm_\w+)(?:\s+(?:AS\s+)?([a-z]\w*))?`)
	equality  = regexp.MustCompile(`\b(?:(\w+)\.)?tenant_id = (?:\$1|\?)`)
	joined    = regexp.MustCompile(`\b(\w+)\.tenant_id = (\w+)\.tenant_id`)
	insertion = regexp.MustCompile(`(?i)INSERT (?:OR REPLACE )?INTO (crm_\w+) \(([\w, ]+)\)`)
)

// boundToTenant reports a table of a statement whose rows are not bound to the tenant: by an equality of its own with
// argument 1, through a join, or as the first column of an insert.
func boundToTenant(text string) error {
	bound := map[string]bool{}
	for _, m := range equality.FindAllStringSubmatch(text, -1) {
		bound[m[1]] = true
	}
	for range 3 { // joins may chain
		for _, m := range joined.FindAllStringSubmatch(text, -1) {
			if bound[m[1]] || bound[m[2]] {
				bound[m[1]], bound[m[2]] = true, true
			}
		}
	}
	for _, m := range insertion.FindAllStringSubmatch(text, -1) {
		if !strings.HasPrefix(m[2], "tenant_id") && !strings.HasSuffix(m[1], "_fts") {
			return fmt.Errorf("an insert into %s does not begin with tenant_id", m[1])
		}
	}
	for _, m := range anyTable.FindAllStringSubmatch(text, -1) {
		alias := m[2]
		if slices.Contains([]string{"set", "where", "on", "join", "left", "inner", "cross", "order", "group", "limit", "values", "default", "for", "union", "as"}, strings.ToLower(alias)) {
			alias = ""
		}
		if strings.HasSuffix(m[1], "_fts") || insertion.MatchString(text) && strings.Contains(text, "INTO "+m[1]) {
			continue
		}
		if !bound[alias] && !bound[m[1]] {
			return fmt.Errorf("%s %s is not bound to the tenant", m[1], alias)
		}
	}
	return nil
}

func TestBoundToTenantIsStrict(t *testing.T) {
	t.Parallel()

	for text, good := range map[string]bool{
		"SELECT a FROM crm_x WHERE tenant_id = $1 AND id = $2":                                                   true,
		"SELECT a FROM crm_x x JOIN crm_y y ON y.tenant_id = x.tenant_id AND y.id = x.id WHERE x.tenant_id = $1": true,
		"INSERT INTO crm_x (tenant_id, id) VALUES ($1, $2)":                                                      true,
		"SELECT a FROM crm_x WHERE id = $1":                                                                      false,
		"SELECT a FROM crm_x x JOIN crm_y y ON y.id = x.id WHERE x.tenant_id = $1":                               false,
		"SELECT a FROM crm_x x, crm_y y WHERE y.tenant_id = x.tenant_id":                                         false,
		"UPDATE crm_x SET a = 1 WHERE tenant_id = $2":                                                            false,
		"INSERT INTO crm_x (id, tenant_id) VALUES ($1, $2)":                                                      false,
		"DELETE FROM crm_x": false,
	} {
		require.Equal(t, good, boundToTenant(text) == nil, text)
	}
}

func TestRule11And12And17StatementWords(t *testing.T) {
	t.Parallel()

	for name, text := range texts(t) {
		require.NotRegexp(t, `(?i)pg_advisory|\bLISTEN\b|\bNOTIFY\b|^\S+ (?:SET|CREATE|LOCK|TRUNCATE|DISCARD|PREPARE)\b|\bINTO TEMP\b|\bOFFSET\b`, text, name)
		if m := regexp.MustCompile(`(?i)INSERT INTO .*\bSELECT\b(.*)`).FindStringSubmatch(text); m != nil {
			require.Contains(t, m[1], "tenant_id", "%s: rule 11", name)
		}
	}
}

func TestEveryStatementIsNamedOnceAndListed(t *testing.T) {
	t.Parallel()

	all := registered(t)
	for name, q := range all {
		require.True(t, strings.HasPrefix(q.Postgres, "/*"+name+"*/ "), name)
		require.True(t, strings.HasPrefix(q.SQLite, "/*"+name+"*/ "), name)
		require.NotContains(t, q.SQLite, "$", name)
		require.NotRegexp(t, `\?\d|=\s*\?`, strings.ReplaceAll(q.Postgres, "?|", ""), "%s: PostgreSQL takes $n", name)
	}
	for name, place := range written(t) {
		_, listed := all[name]
		require.True(t, listed, "%s: list %s in its package's Statements, and the package in everyStatement", place, name)
	}
}

// written are the names of the statements that the sources make, and where.
func written(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, root := range []string{".", "../outbox", "../boundary"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) < 2 {
					return true
				}
				lit, ok := call.Args[0].(*ast.BasicLit)
				if ok && makesSQL(call.Fun) {
					name, _ := strconv.Unquote(lit.Value)
					out[name] = set.Position(call.Pos()).String()
				}
				return true
			})
			return nil
		}))
	}
	require.NotEmpty(t, out)
	return out
}

func makesSQL(fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name == "Same" || f.Name == "Split"
	case *ast.SelectorExpr:
		x, ok := f.X.(*ast.Ident)
		return ok && x.Name == "store" && (f.Sel.Name == "Same" || f.Sel.Name == "Split")
	}
	return false
}
