package faults_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
)

// books is everything a tenant has in the database, read by plain SQL.
type books struct {
	events, audits, lines  []row
	effects                []row
	rows                   map[string][]row // tables of records, by name
	deliveries, dispatches []row
}

type row map[string]any

func (r row) text(column string) string {
	switch v := r[column].(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		if len(v) != 16 {
			return string(v)
		}
		h := hex.EncodeToString(v)
		return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	default:
		return fmt.Sprint(v)
	}
}

func (r row) int(column string) (n int64) {
	_, _ = fmt.Sscan(r.text(column), &n)
	return n
}

// versioned are the tables whose rows are records with a version, and their kinds.
func versioned() map[string]*work.Kind {
	out := map[string]*work.Kind{}
	for _, k := range crm.Kinds() {
		if k.Table != "" {
			out[k.Table] = k
		}
	}
	return out
}

// counted are the tables whose rows hang on records.
var counted = []string{
	"crm_contact_point", "crm_customer_ext", "crm_customer_stage", "crm_interaction_party", "crm_pipeline_version", "crm_lead_move",
	"crm_opportunity_move", "crm_case_entry", "crm_claim_key", "crm_field", "crm_object_kind", "crm_word", "crm_field_index", "crm_subject_key", "crm_consent_head",
	"crm_plugin_kv", "crm_plugin_consumed", "crm_plugin_stream", "crm_once",
}

func read(ctx context.Context, t *testing.T, db *sql.DB, query string) (out []row) {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, refs := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			refs[i] = &values[i]
		}
		require.NoError(t, rows.Scan(refs...))
		r := row{}
		for i, c := range columns {
			r[c] = values[i]
		}
		out = append(out, r)
	}
	require.NoError(t, rows.Err())
	return out
}

// openBooks reads a tenant's rows.
func openBooks(t *testing.T, db *sql.DB, tenant string) *books {
	t.Helper()
	all := func(table, columns string) []row {
		return read(t.Context(), t, db, "SELECT "+columns+" FROM "+table+" WHERE tenant_id = '"+tenant+"'")
	}
	b := &books{
		events:     all("crm_event", "id, kind, entity, record_id, version, ordinal"),
		audits:     all("crm_audit", "id, op, action, entity, record_id, version"),
		lines:      all("crm_timeline", "customer_id, event_id, kind, entity, record_id"),
		effects:    all(effects, "event_id, kind, version"),
		deliveries: all("crm_delivery", "consumer, event_id, state, kind"),
		dispatches: all("crm_dispatch", "id"),
		rows:       map[string][]row{},
	}
	for table, kind := range versioned() {
		columns := "id, version"
		if kind.Family {
			columns += ", kind"
		}
		b.rows[table] = all(table, columns)
	}
	b.rows["crm_tenant"] = all("crm_tenant", "settings_version, schema_version")
	for _, table := range counted {
		b.rows[table] = all(table, "tenant_id")
	}
	return b
}

// faults lists what is lost and what is there twice. It knows the laws of the house and nothing of the scenario.
func (b *books) faults() (lost, doubled []string) {
	type place struct{ entity, record string }
	versions := map[place]map[int64]int{}  // audit rows by version
	ordinals := map[string]int{}           // events by record, version and ordinal
	ids := map[string]int{}                // events by id
	highest := map[place]map[int64]int64{} // greatest ordinal by version
	for _, a := range b.audits {
		p := place{a.text("entity"), a.text("record_id")}
		if versions[p] == nil {
			versions[p], highest[p] = map[int64]int{}, map[int64]int64{}
		}
		versions[p][a.int("version")]++
	}
	say := func(list *[]string, format string, args ...any) { *list = append(*list, fmt.Sprintf(format, args...)) }
	for _, e := range b.events {
		p := place{e.text("entity"), e.text("record_id")}
		ids[e.text("id")]++
		ordinals[fmt.Sprint(p, e.int("version"), e.int("ordinal"))]++
		if highest[p] == nil {
			say(&lost, "audit of event %v %s", p, e.text("kind"))
			continue
		}
		highest[p][e.int("version")] = max(highest[p][e.int("version")], e.int("ordinal"))
		if versions[p][e.int("version")] == 0 {
			say(&lost, "audit of %v version %d", p, e.int("version"))
		}
	}
	for key, n := range ordinals {
		if n != 1 {
			say(&doubled, "%d events at %s", n, key)
		}
	}
	for p, vs := range versions {
		for v := int64(1); v <= int64(len(vs)); v++ {
			if vs[v] == 0 {
				say(&lost, "audit of %v version %d of %d", p, v, len(vs))
			}
			if vs[v] > 1 {
				say(&doubled, "%d audit rows of %v version %d", vs[v], p, v)
			}
			for o := range highest[p][v] + 1 {
				if ordinals[fmt.Sprint(p, v, o)] == 0 {
					say(&lost, "event of %v version %d ordinal %d", p, v, o)
				}
			}
		}
	}
	for table, kind := range versioned() {
		for _, r := range b.rows[table] {
			p := place{kind.Name(), r.text("id")}
			if kind.Family {
				p.entity = r.text("kind")
			}
			if int64(len(versions[p])) != r.int("version") {
				say(&lost, "%v has version %d and %d audit rows", p, r.int("version"), len(versions[p]))
			}
			delete(versions, p)
		}
	}
	kept := map[string]int64{} // versions of what a tenant has once
	for _, r := range b.rows["crm_tenant"] {
		kept["tenant"], kept["schema"] = r.int("settings_version"), r.int("schema_version")
	}
	for p, vs := range versions {
		if n, ok := kept[p.entity]; ok && int64(len(vs)) != n {
			say(&lost, "%v has version %d and %d audit rows", p, n, len(vs))
		} else if ok || p.entity == "flt" {
			continue // events of a plugin's own have no row
		}
		say(&lost, "row of %v", p)
	}
	b.queueFaults(ids, &lost, &doubled)
	return lost, doubled
}

// queueFaults looks at what the events became.
func (b *books) queueFaults(events map[string]int, lost, doubled *[]string) {
	open := map[string]int{}
	for _, d := range b.deliveries {
		if d.text("consumer") == "subscriber:"+ledger {
			open[d.text("event_id")]++
		}
	}
	heard := map[string]int{}
	for _, e := range b.effects {
		heard[e.text("event_id")]++
		if events[e.text("event_id")] == 0 {
			*doubled = append(*doubled, "effect of an event that is not there: "+e.text("kind"))
		}
	}
	undispatched := len(b.dispatches) > 0
	for id := range events {
		switch n := heard[id] + open[id]; {
		case n == 0 && !undispatched:
			*lost = append(*lost, "effect of event "+id)
		case n > 1:
			*doubled = append(*doubled, fmt.Sprintf("%d effects and %d deliveries of event %s", heard[id], open[id], id))
		}
	}
	for _, l := range b.lines {
		if events[l.text("event_id")] == 0 {
			*lost = append(*lost, "event of a line "+l.text("kind"))
		}
	}
}

// requireSound ends the test when anything is lost or doubled.
func requireSound(t *testing.T, db *sql.DB, tenant string) {
	t.Helper()
	lost, doubled := openBooks(t, db, tenant).faults()
	require.Empty(t, lost, "lost in %s", tenant)
	require.Empty(t, doubled, "doubled in %s", tenant)
}

// left tells what a scenario has left, one line a thing, with the names that the scenario gave to its records. Sends
// are missing: what the gate did depends on which of its answers got lost.
func (b *books) left(names map[string]string) string {
	name := func(id string) string {
		if n, ok := names[id]; ok {
			return n
		}
		return "-"
	}
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	kinds := map[string]string{}
	for _, e := range b.events {
		kinds[e.text("id")] = e.text("entity")
		if e.text("entity") != "send" {
			say("event %s %s %d.%d %s", e.text("entity"), name(e.text("record_id")), e.int("version"), e.int("ordinal"), e.text("kind"))
		}
	}
	for _, a := range b.audits {
		if a.text("entity") != "send" {
			say("audit %s %s %d %s", a.text("entity"), name(a.text("record_id")), a.int("version"), a.text("op"))
		}
	}
	for _, l := range b.lines {
		if l.text("entity") != "send" {
			say("line of %s: %s %s", name(l.text("customer_id")), name(l.text("record_id")), l.text("kind"))
		}
	}
	for _, e := range b.effects {
		if entity := kinds[e.text("event_id")]; entity != "send" {
			say("effect %s", e.text("kind"))
		}
	}
	for table := range versioned() {
		for _, r := range b.rows[table] {
			if table != "crm_send" {
				say("row %s %s %d", table, name(r.text("id")), r.int("version"))
			}
		}
	}
	for _, table := range counted {
		say("rows %s %d", table, len(b.rows[table]))
	}
	for _, d := range b.deliveries {
		say("delivery %s %s %s", d.text("consumer"), d.text("state"), d.text("kind"))
	}
	say("dispatch %d", len(b.dispatches))
	slices.Sort(out)
	return tally(out)
}

// tally puts equal lines together.
func tally(lines []string) string {
	var b strings.Builder
	for i := 0; i < len(lines); {
		j := i
		for j < len(lines) && lines[j] == lines[i] {
			j++
		}
		if j-i > 1 {
			fmt.Fprintf(&b, "%s ×%d\n", lines[i], j-i)
		} else {
			b.WriteString(lines[i] + "\n")
		}
		i = j
	}
	return b.String()
}
