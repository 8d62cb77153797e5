package customerstore

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

var (
	detailsOf = store.Same("customer.details", detailsText(` = $2`))
	// detailsOfAll reads the same for several customers at once. PostgreSQL is held to one look per customer: without
	// statistics it would rather read the whole tenant than try fifty keys.
	detailsOfAll = store.Split("customer.details_of_all", `
		SELECT d.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (`+detailsText(` = s.id`)+` LIMIT 10000) d`,
		detailsText(inListSQLite))
	// detailsOfDeleted reads the points that ended when the customer and those merged into it were deleted. Its external
	// ids stand in its row.
	detailsOfDeleted = store.Same("customer.details_of_deleted", `
		SELECT `+pointDetails+` AND p.customer_id IN (
			SELECT c.id FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = $2
			UNION ALL SELECT c.id FROM crm_customer c WHERE c.tenant_id = $1 AND c.canonical_id = $2)
		AND p.valid_to = (SELECT c.deleted_at FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = $2)`)
)

const (
	livePoint     = " AND p.valid_to IS NULL"
	detailOfPoint = `p.customer_id, p.id AS point_id, p.version AS point_version, p.channel AS word, p.label AS text,
		p.is_primary, p.verified, p.invalid, p.valid_from, p.sealed`
	pointDetails = detailOfPoint + `, k.wrapped
		FROM crm_contact_point p LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = p.customer_id
		WHERE p.tenant_id = $1`
	detailOfExt = `e.customer_id, NULL, 0, e.system, e.ext_id, false, false, false, NULL, NULL`
)

// detailsText reads points with the key that opens them, and external ids, which have no id of a point.
func detailsText(whose string) string {
	return `
		SELECT ` + pointDetails + livePoint + ` AND p.customer_id` + whose + `
		UNION ALL
		SELECT ` + detailOfExt + `, NULL
		FROM crm_customer_ext e WHERE e.tenant_id = $1 AND e.customer_id` + whose
}

// detailRow is a point or an external id.
type detailRow struct {
	CustomerID   store.ID   `bun:"customer_id"`
	PointID      store.ID   `bun:"point_id"`
	PointVersion int64      `bun:"point_version"`
	Word         string     `bun:"word"`
	Text         string     `bun:"text"`
	Primary      bool       `bun:"is_primary"`
	Verified     bool       `bun:"verified"`
	Invalid      bool       `bun:"invalid"`
	ValidFrom    store.Time `bun:"valid_from"`
	Sealed       []byte     `bun:"sealed"`
	Wrapped      []byte     `bun:"wrapped"`
}

// holder collects the details of one customer. Values of one subject share its unwrapped key.
type holder struct {
	s       *Store
	tenant  string
	rec     *customer.Customer
	subject ident.ID
	open    *keys.Openers
}

func (h *holder) add(r *detailRow) {
	if r.PointID == (store.ID{}) {
		h.rec.Ext = append(h.rec.Ext, ident.Ext{System: r.Word, ID: r.Text})
		return
	}
	if subject := ident.ID(r.CustomerID); h.open == nil || h.subject != subject {
		h.subject, h.open = subject, h.s.keys.Openers(h.tenant, r.Wrapped, subject)
	}
	id := ident.ID(r.PointID)
	h.rec.Points = append(h.rec.Points, customer.ContactPoint{
		ID: id, Channel: personal.Channel(r.Word), Label: r.Text, Primary: r.Primary, Verified: r.Verified, Invalid: r.Invalid,
		ValidFrom: time.Time(r.ValidFrom), Version: r.PointVersion, Subject: h.subject,
		Value: personal.NewSealed(personal.Contact, r.Sealed, h.open.At(pointPlace(id))),
	})
}

// addDetails reads points and external ids of customers that have none yet.
func (s *Store) addDetails(ctx context.Context, c *work.Call, recs ...*customer.Customer) error {
	of := make(map[ident.ID]*holder, len(recs))
	for _, rec := range recs {
		of[rec.ID] = &holder{s: s, tenant: c.Tenant(), rec: rec}
	}
	if err := s.readDetails(ctx, c, of); err != nil {
		return err
	}
	if err := s.addMerged(ctx, c, recs...); err != nil {
		return err
	}
	for _, rec := range recs {
		order(rec)
	}
	return nil
}

// addMerged adds what belongs to customers that were merged into others. Only these pay for it.
func (s *Store) addMerged(ctx context.Context, c *work.Call, recs ...*customer.Customer) error {
	into, ids := map[ident.ID]*customer.Customer{}, []ident.ID(nil)
	for _, rec := range recs {
		if rec.Merged {
			into[rec.ID], ids = rec, append(ids, rec.ID)
		}
	}
	losers, err := s.losers(ctx, c, ids)
	if err != nil || len(losers) == 0 {
		return err
	}
	of := map[ident.ID]*holder{}
	for _, l := range losers {
		of[ident.ID(l.ID)] = &holder{s: s, tenant: c.Tenant(), rec: into[ident.ID(l.CanonicalID)]}
	}
	return s.readDetails(ctx, c, of)
}

// readDetails gives each holder what belongs to the customer of its key.
func (s *Store) readDetails(ctx context.Context, c *work.Call, of map[ident.ID]*holder) error {
	if len(of) == 0 {
		return nil
	}
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return err
	}
	ids := make([]ident.ID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
	}
	var rows []detailRow
	if err := s.on(c).Select(ctx, detailsOfAll, &rows, c.Tenant(), store.IDList(s.db, ids)); err != nil {
		return err
	}
	for i := range rows {
		of[ident.ID(rows[i].CustomerID)].add(&rows[i])
	}
	return nil
}

// order brings details into the order customers show them in.
func order(rec *customer.Customer) {
	if len(rec.Points) > 1 {
		slices.SortFunc(rec.Points, customer.ComparePoints)
	}
	if len(rec.Ext) > 1 {
		slices.SortFunc(rec.Ext, customer.CompareExt)
	}
}
