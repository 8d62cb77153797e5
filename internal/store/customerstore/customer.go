package customerstore

import (
	"context"
	"encoding/json"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	getCustomer      = store.Same("customer.get", "SELECT "+customerColumns+whereOne+" IS NULL")
	getWholeCustomer = store.Same("customer.get_whole", "SELECT "+wholeColumns+whereOne+" IS NULL")

	lockCustomer = store.Split("customer.lock",
		"SELECT "+wholeColumns+whereOne+" IS NULL"+forUpdate, "SELECT "+wholeColumns+whereOne+" IS NULL")
	lockDeleted = store.Split("customer.lock_deleted",
		"SELECT "+wholeColumns+", c.freed"+whereOne+" IS NOT NULL"+forUpdate, "SELECT "+wholeColumns+", c.freed"+whereOne+" IS NOT NULL")

	getCustomers = store.Split("customer.get_many", `
		SELECT c.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (
			SELECT coalesce(m.canonical_id, m.id) AS id FROM crm_customer m
			WHERE m.tenant_id = $1 AND m.id = s.id AND m.deleted_at IS NULL LIMIT 1) f CROSS JOIN LATERAL (
			SELECT `+customerColumns+` FROM crm_customer c
			WHERE c.tenant_id = $1 AND c.id = f.id AND c.deleted_at IS NULL LIMIT 1) c`, `
		SELECT `+customerColumns+` FROM crm_customer c
		WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.id IN (
			SELECT coalesce(m.canonical_id, m.id) FROM crm_customer m
			WHERE m.tenant_id = $1 AND m.deleted_at IS NULL AND m.id`+inListSQLite+`)`)
)

const (
	whereOne  = " FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at"
	forUpdate = " FOR NO KEY UPDATE OF c"
)

func customerStatements() []store.SQL {
	return []store.SQL{getCustomer, getWholeCustomer, lockCustomer, lockDeleted, getCustomers, insertCustomer, updateCustomer,
		putTaxID, deleteCustomer, restoreCustomer, addDocument, putDocument, dropDocument}
}

// customers is the store of customers. It is the kind that every request reads, so its statements are written by hand:
// they follow merged ids, leave sensitive columns out of reads that show none, and bring points and external ids along.
type customers struct {
	*Store
	bare bool // without points and external ids
}

var (
	_ work.Store[customer.Customer] = customers{}
	_ work.Ahead[customer.Customer] = customers{}
)

// Customers implements [customer.CustomerStore].
func (s *Store) Customers() work.Store[customer.Customer] { return customers{Store: s} }

// Rows implements [customer.CustomerStore].
func (s *Store) Rows() work.Store[customer.Customer] { return customers{s, true} }

// maxHops bounds how far a merged id is followed. Merging points losers at the survivor, so one hop is the rule.
const maxHops = 8

// Get implements [work.Store].
func (s customers) Get(ctx context.Context, c *work.Call, id ident.ID, how work.Fetch) (*customer.Customer, error) {
	for range maxHops {
		rec, next, err := s.ask(ctx, c, id, how)(ctx)
		if err != nil || next.IsZero() {
			return rec, err
		}
		id = next
	}
	return nil, fault.New(fault.Internal, "a merged customer points in a circle")
}

// GetLater implements [work.Ahead].
func (s customers) GetLater(ctx context.Context, c *work.Call, id ident.ID) func(ctx context.Context) (*customer.Customer, error) {
	wait := s.ask(ctx, c, id, work.Look)
	return func(ctx context.Context) (*customer.Customer, error) {
		rec, next, err := wait(ctx)
		if err != nil || next.IsZero() {
			return rec, err
		}
		return s.Get(ctx, c, next, work.Look)
	}
}

// ask sends the reads of one customer together. next is the customer it was merged into.
func (s customers) ask(ctx context.Context, c *work.Call, id ident.ID, how work.Fetch) func(ctx context.Context) (rec *customer.Customer, next ident.ID, err error) {
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return func(context.Context) (*customer.Customer, ident.ID, error) { return nil, ident.ID{}, err }
	}
	q, details := getCustomer, detailsOf
	switch {
	case how == work.Lock:
		q = lockCustomer
	case how == work.Undrawn:
		q, details = lockDeleted, detailsOfDeleted
	case c.Action == work.Reveal:
		q = getWholeCustomer
	}
	row, rows := &wholeRow{}, []detailRow{}
	first := s.on(c).GetLater(q, row, c.Tenant(), id)
	var second *store.Later
	if !s.bare {
		second = s.on(c).SelectLater(details, &rows, c.Tenant(), id)
	}
	return func(ctx context.Context) (*customer.Customer, ident.ID, error) {
		if err := first.Wait(ctx); err != nil || row.CanonicalID != (store.ID{}) {
			return nil, ident.ID(row.CanonicalID), err
		}
		rec, err := s.record(c, row)
		if how == work.Lock {
			c.LearnKey(ident.ID(row.ID), row.Wrapped)
		}
		if err != nil || s.bare {
			return rec, ident.ID{}, err
		}
		if err := second.Wait(ctx); err != nil {
			return nil, ident.ID{}, err
		}
		into := holder{s: s.Store, tenant: c.Tenant(), rec: rec}
		for i := range rows {
			into.add(&rows[i])
		}
		if how != work.Undrawn {
			err = s.addMerged(ctx, c, rec)
		}
		order(rec)
		return rec, ident.ID{}, err
	}
}

// record makes a customer without points of a row.
func (s *Store) record(c *work.Call, row *wholeRow) (*customer.Customer, error) {
	rec, err := row.customer(c)
	if err != nil {
		return nil, err
	}
	rec.TaxID = s.taxID(c, row)
	if len(row.Freed) > 0 {
		if err := json.Unmarshal(row.Freed, &rec.Ext); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "the external ids of a deleted customer cannot be read")
		}
	}
	return &rec, nil
}

// GetMany implements [work.Store].
func (s customers) GetMany(ctx context.Context, c *work.Call, ids []ident.ID) ([]customer.Customer, error) {
	var rows []customerRow
	if err := s.on(c).Select(ctx, getCustomers, &rows, c.Tenant(), store.IDList(s.db, ids)); err != nil {
		return nil, err
	}
	out, recs := make([]customer.Customer, len(rows)), make([]*customer.Customer, len(rows))
	for i := range rows {
		var err error
		if out[i], err = rows[i].customer(c); err != nil {
			return nil, err
		}
		recs[i] = &out[i]
	}
	if s.bare {
		return out, nil
	}
	return out, s.addDetails(ctx, c, recs...)
}
