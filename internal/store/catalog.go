package store

import (
	"context"
	"database/sql"
	"io/fs"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// CatalogQueries are a dialect's five questions about the CRM's tables. Each returns four texts, none NULL.
type CatalogQueries struct {
	Tables  string // table, "", kind ("" for an ordinary one), ""
	Columns string // table, column, type with "!" behind it for NOT NULL and "?" else, default and collation
	Indexes string // table, name|primary or |unique or |plain, columns, the rest
	Foreign string // table, columns, referenced table|columns, the rest
	Other   string // table, name, kind, definition: checks, triggers, rules
}

// ReadCatalog returns the answers as sorted lines of one form for every dialect:
//
//	table crm_claim
//	column crm_claim.id uuid not null
//	index crm_claim.key primary (tenant_id, id)
//	foreign crm_claim_key (tenant_id, claim_id) -> crm_claim (tenant_id, id)
//	other crm_claim.name check …
func ReadCatalog(ctx context.Context, q Execer, queries CatalogQueries) ([]string, error) {
	var out []string
	for _, part := range []struct {
		query string
		line  func(table, a, b, more string) string
	}{
		{queries.Tables, func(t, _, kind, _ string) string { return line("table "+t, strings.Join(strings.Fields(kind), " ")) }},
		{queries.Columns, columnLine},
		{queries.Indexes, indexLine},
		{queries.Foreign, func(t, columns, ref, more string) string {
			table, refColumns, _ := strings.Cut(ref, "|")
			return line("foreign "+t, "("+columns+") -> "+table+" ("+refColumns+")", more)
		}},
		{queries.Other, func(t, name, kind, more string) string { return line("other "+t+"."+name, kind, more) }},
	} {
		rows, err := q.QueryContext(ctx, part.query)
		if err != nil {
			return nil, err
		}
		if out, err = readLines(out, rows, part.line); err != nil {
			return nil, err
		}
	}
	slices.Sort(out)
	return out, nil
}

func readLines(out []string, rows *sql.Rows, line func(table, a, b, more string) string) ([]string, error) {
	defer rows.Close()
	for rows.Next() {
		var table, a, b, more string
		if err := rows.Scan(&table, &a, &b, &more); err != nil {
			return nil, err
		}
		out = append(out, line(table, a, b, more))
	}
	return out, rows.Err()
}

func columnLine(table, name, typ, more string) string {
	null := " null"
	if strings.HasSuffix(typ, "!") {
		null = " not null"
	}
	return line("column "+table+"."+name, typ[:max(len(typ)-1, 0)]+null, more)
}

// indexLine leaves the name of a primary key out: the engine chooses it.
func indexLine(table, name, columns, more string) string {
	name, kind, _ := strings.Cut(name, "|")
	if kind == "primary" {
		name = "key"
	}
	return line("index "+table+"."+name, kind, "("+columns+")", more)
}

func line(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// tablesOf returns the tables of catalog lines.
func tablesOf(lines []string) []string {
	var out []string
	for _, line := range lines {
		if strings.HasPrefix(line, "table ") {
			out = append(out, subject(line))
		}
	}
	return out
}

// subject returns the table that a catalog line is about.
func subject(line string) string {
	_, rest, _ := strings.Cut(line, " ")
	return rest[:max(strings.IndexAny(rest+" ", " ."), 0)]
}

// Golden returns the catalog that the migrations of modules make; nil modules means [Modules].
func Golden(d Dialect, modules []Module) ([]string, error) {
	list, err := Arrange(modules)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range list {
		b, err := fs.ReadFile(m.Migrations, d.Name()+".golden")
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the module %s has no catalog for %s", m.Name, d.Name())
		}
		out = append(out, strings.Split(strings.TrimSpace(string(b)), "\n")...)
	}
	slices.Sort(out)
	return out, nil
}

// Check is the function [Check] for the DB's writing pool.
func (db *DB) Check(ctx context.Context, modules []Module) error {
	if err := db.open(); err != nil {
		return err
	}
	return Check(ctx, db.write.db, db.dialect, modules)
}

// Reasons of the Unavailable fault of [Check].
const (
	ReasonPending = "pending" // migrations are missing
	ReasonNewer   = "newer"   // a later program has migrated further than this one knows
	ReasonDrift   = "drift"   // somebody changed the CRM's tables by other means
)

// Check compares the database with what this program expects of modules: every migration applied, none changed, and no
// drift of tables, columns, indexes and keys. A nil list means [Modules]. What other modules have installed is fine.
//
// Errors: Unavailable with reason "pending", "newer" or "drift"; the last has one violation per difference.
func Check(ctx context.Context, db *sql.DB, d Dialect, modules []Module) error {
	if err := given(ctx, db, d); err != nil {
		return err
	}
	all, err := Migrations(d, modules)
	if err != nil {
		return fault.At("store: check", err)
	}
	have, err := installed(ctx, db, d, all)
	if err == nil {
		err = current(all, have)
	}
	if err != nil {
		return fault.At("store: check", err)
	}
	want, err := Golden(d, modules)
	if err != nil {
		return fault.At("store: check", err)
	}
	lines, err := d.Catalog(ctx, db)
	if err == nil {
		lines, err = judged(d, want, lines, modules, have)
	}
	if err != nil {
		return fault.At("store: check", d.Fault(err))
	}
	return drift(want, lines)
}

// current compares versions.
func current(all []Migration, have map[string]int) error {
	newest := newestOf(all)
	for _, m := range all {
		if have[m.Module] > newest[m.Module] {
			return newer(m.Module, have[m.Module], newest[m.Module])
		}
	}
	todo := missing(all, have)
	if len(todo) == 0 {
		return nil
	}
	f := fault.New(fault.Unavailable, "%d migrations are missing, the first is %s of the module %s: run the migration", len(todo), todo[0], todo[0].Module)
	f.Reason = ReasonPending
	return f
}

func newestOf(all []Migration) map[string]int {
	out := map[string]int{}
	for _, m := range all {
		out[m.Module] = m.Version
	}
	return out
}

// judged leaves out the lines about tables of modules that nobody asked for. A table of no module is drift, unless the
// database has modules that this program does not know.
func judged(d Dialect, want, lines []string, modules []Module, have map[string]int) ([]string, error) {
	others, err := Golden(d, nil)
	if err != nil {
		return nil, err
	}
	mine, theirs, known := tablesOf(want), tablesOf(others), namesOf(append(Modules(), modules...))
	unknown := false
	for name := range have {
		unknown = unknown || !slices.Contains(known, name)
	}
	return slices.DeleteFunc(lines, func(line string) bool {
		table := subject(line)
		return !slices.Contains(mine, table) && (unknown || slices.Contains(theirs, table))
	}), nil
}

func drift(want, have []string) error {
	var v []fault.Violation
	for _, line := range minus(want, have) {
		v = append(v, fault.Violation{Field: "schema", Message: "is missing: " + line})
	}
	for _, line := range minus(have, want) {
		v = append(v, fault.Violation{Field: "schema", Message: "is not expected: " + line})
	}
	if len(v) == 0 {
		return nil
	}
	f := fault.New(fault.Unavailable, "the CRM's tables are not as its migrations made them: %s", v[0].Message)
	f.Reason, f.Field, f.Violations = ReasonDrift, "schema", v
	return f
}

func minus(a, b []string) []string {
	var out []string
	for _, line := range a {
		if _, found := slices.BinarySearch(b, line); !found {
			out = append(out, line)
		}
	}
	return out
}
