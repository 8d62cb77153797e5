package bench

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/customer"
)

// sampleTenant holds the customers whose rows the peers of the import write again, for the big tenant.
const sampleTenant = "sample"

// maxImport bounds the customers of one import: enough that beginning and end do not count.
const maxImport = 20_000

// imports lets our load and the peer's bulk write take turns, each with as many new customers.
func (w *world) imports(ctx context.Context, child *Child) ([]side, error) {
	n := min(maxImport, max(200, w.rows/20))
	peer, err := w.source(ctx, child, n)
	if err != nil {
		return nil, err
	}
	per := func(d time.Duration) time.Duration { return d / time.Duration(n) }
	ours := func(ctx context.Context, _ time.Duration) (time.Duration, error) {
		drafts := make([]customer.Draft, n)
		for i := range drafts {
			drafts[i] = w.people.Draft(w.next)
			w.next++
		}
		start := time.Now()
		_, err := load(ctx, w.session(w.ours, bigTenant), all(drafts), nil)
		return per(time.Since(start)), err
	}
	theirs := func(context.Context, time.Duration) (time.Duration, error) {
		rep, err := child.ask(&request{Do: "import", Op: opImport})
		return per(time.Duration(rep.P50NS)), err
	}
	return []side{{"ours", ours}, {peer, theirs}}, nil
}

func all(drafts []customer.Draft) iter.Seq2[customer.Draft, error] {
	return func(yield func(customer.Draft, error) bool) {
		for _, d := range drafts {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// source loads n customers into the sample tenant and gives the peers what that wrote: PostgreSQL's rows are read
// back, every column of every table; of SQLite's, whose search index cannot be read, our inserts are taken apart.
func (w *world) source(ctx context.Context, child *Child, n int) (peer string, err error) {
	// The first customer brings the rows that belong to the tenant itself; on PostgreSQL it is part of what is read.
	if w.dialect == SQLite {
		n++
	}
	drafts := make([]customer.Draft, n)
	for i := range drafts {
		drafts[i] = w.people.Draft(w.next)
		w.next++
	}
	s := w.session(w.listened, sampleTenant)
	if _, err := load(ctx, s, all(drafts[:1]), nil); err != nil {
		return "", err
	}
	req := &request{Do: "source", Op: opImport, To: bigTenant, Mark: markWord}
	if w.dialect == Postgres {
		before, err := w.counts(ctx, sampleTenant)
		if err != nil {
			return "", err
		}
		if _, err := load(ctx, s, all(drafts[1:]), nil); err != nil {
			return "", err
		}
		after, err := w.counts(ctx, sampleTenant)
		if err != nil {
			return "", err
		}
		for table, rows := range after {
			if rows == before[table] {
				req.Keep = append(req.Keep, table)
			}
		}
		if _, err := w.raw.ExecContext(ctx, tenantsOwnKeys, sampleTenant); err != nil {
			return "", err
		}
		req.From, peer = sampleTenant, "copy"
	} else {
		log, err := w.recorder.Record(func() error { _, err := load(ctx, s, all(drafts[1:]), nil); return err })
		if err != nil {
			return "", err
		}
		if req.Tables, err = inserted(log); err != nil {
			return "", err
		}
		peer = "sql"
	}
	_, err = child.ask(req)
	return peer, err
}

// tenantsOwnKeys removes the keys that are no customer's: a tenant has them once, so an import does not write them.
const tenantsOwnKeys = `DELETE FROM crm_subject_key k WHERE k.tenant_id = $1
	AND NOT EXISTS (SELECT 1 FROM crm_customer c WHERE c.tenant_id = k.tenant_id AND c.id = k.subject_id)`

// counts returns the rows a tenant has, by table.
func (w *world) counts(ctx context.Context, tenant string) (map[string]int64, error) {
	query := `SELECT table_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name LIKE 'crm\_%' AND column_name = 'tenant_id'`
	if w.dialect == SQLite {
		query = `SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'tenant_id'`
	}
	found, err := w.raw.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var tables []string
	for found.Next() {
		var t string
		if err := found.Scan(&t); err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	counts := map[string]int64{}
	for _, t := range tables {
		var n int64
		if err := w.raw.QueryRowContext(ctx, "SELECT count(*) FROM "+t+" WHERE tenant_id = $1", tenant).Scan(&n); err != nil {
			return nil, err
		}
		counts[t] = n
	}
	return counts, nil
}

// plainInsert is an insert of values, of one row or many.
var plainInsert = regexp.MustCompile(`^/\*[^*]*\*/ INSERT INTO (\w+) \(([\w, ]+)\) VALUES (\([?, ]+\),?\s*)+$`)

// inserted takes inserts apart into rows, table by table in the order in which each was first written.
func inserted(log []Statement) ([]rows, error) {
	var tables []rows
	for _, st := range log {
		if st.Do != "exec" || !writes(st.Text) {
			continue
		}
		m := plainInsert.FindStringSubmatch(st.Text)
		if m == nil {
			return nil, fmt.Errorf("bench: the import writes in a way the peers cannot follow: %s", st.Text)
		}
		columns := strings.Split(m[2], ", ")
		at := slices.IndexFunc(tables, func(r rows) bool { return r.Table == m[1] && slices.Equal(r.Columns, columns) })
		if at < 0 {
			at = len(tables)
			tables = append(tables, rows{Table: m[1], Columns: columns})
		}
		for chunk := range slices.Chunk(st.Args, len(columns)) {
			row := make([]Arg, len(chunk))
			for i, a := range chunk {
				var err error
				if row[i], err = argument(a.Value); err != nil {
					return nil, err
				}
			}
			tables[at].Rows = append(tables[at].Rows, row)
		}
	}
	return tables, nil
}
