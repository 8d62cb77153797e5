package bench

import (
	"context"
	"iter"
	"time"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
)

// sampleTenant holds the customers whose rows the peers of the import write again, for the big tenant.
const sampleTenant = "sample"

// maxImport bounds the customers of one import: enough that beginning and end do not count.
const maxImport = 20_000

// imports lets our load and the peer's bulk write take turns, each with as many new customers.
func (w *world) imports(ctx context.Context, child *Child) (*contest, error) {
	n := min(maxImport, max(200, w.rows/20))
	peer, err := w.source(ctx, child, n)
	if err != nil {
		return nil, err
	}
	per := func(d time.Duration) time.Duration { return d / time.Duration(n) }
	ours := func(ctx context.Context, _ time.Duration) (time.Duration, error) {
		drafts := w.newDrafts(n)
		start := time.Now()
		_, err := load(ctx, w.session(w.ours, sample.BigTenant), all(drafts), nil)
		return per(time.Since(start)), err
	}
	theirs := func(context.Context, time.Duration) (time.Duration, error) {
		rep, err := child.ask(&request{Do: "import", Op: opImport})
		return per(time.Duration(rep.P50NS)), err
	}
	call := func(ctx context.Context, s *crm.Session) error {
		_, err := load(ctx, s, all(w.newDrafts(importRows)), nil)
		return err
	}
	return &contest{name: opImport, sides: []side{{"ours", ours}, {peer, theirs}}, call: call}, nil
}

// newDrafts returns customers that are in no database yet.
func (w *world) newDrafts(n int) []customer.Draft {
	drafts := make([]customer.Draft, n)
	for i := range drafts {
		drafts[i] = w.people.Draft(w.next)
		w.next++
	}
	return drafts
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
	drafts := w.newDrafts(n)
	s := w.session(w.listened, sampleTenant)
	if _, err := load(ctx, s, all(drafts[:1]), nil); err != nil {
		return "", err
	}
	req := &request{Do: "source", Op: opImport, To: sample.BigTenant, Mark: sample.Mark}
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
		if req.Tables, err = script.Inserted(log); err != nil {
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
	counts := map[string]int64{}
	for t := range w.tables {
		var n int64
		if err := w.raw.QueryRowContext(ctx, "SELECT count(*) FROM "+t+" WHERE tenant_id = $1", tenant).Scan(&n); err != nil {
			return nil, err
		}
		counts[t] = n
	}
	return counts, nil
}
