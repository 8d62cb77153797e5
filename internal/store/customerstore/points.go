package customerstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// The place of a sealed point, besides its row.
const (
	pointTable  = "crm_contact_point"
	pointColumn = "sealed"
)

var (
	detailsOf = store.Same("customer.details", detailsText(` = $2`, ` = $2`))
	// detailsOfAll reads the same for several customers at once. PostgreSQL is held to one look per customer: without
	// statistics it would rather read the whole tenant than try fifty keys.
	detailsOfAll = store.Split("customer.details_of_all", `
		SELECT d.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (`+detailsText(` = s.id`, ` = s.id`)+` LIMIT 10000) d`,
		detailsText(inListSQLite, inListSQLite))

	insertPoint = store.Same("customer.insert_point", `
		INSERT INTO crm_contact_point (tenant_id, customer_id, id, version, channel, sealed, blind, label, is_primary, verified, invalid, valid_from, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)`)

	updatePoint = store.Same("customer.update_point", `
		UPDATE crm_contact_point SET version = $4, label = $5, is_primary = $6, verified = $7, invalid = $8
		WHERE tenant_id = $1 AND customer_id = $2 AND id = $3`)

	endPoint = store.Same("customer.end_point", `
		UPDATE crm_contact_point SET version = version + 1, is_primary = false, valid_to = $4
		WHERE tenant_id = $1 AND customer_id = $2 AND id = $3`)

	endPoints = splitIn("customer.end_points", `
		UPDATE crm_contact_point SET version = version + 1, valid_to = $3
		WHERE tenant_id = $1 AND customer_id [IN] AND valid_to IS NULL`)

	insertExt = store.Same("customer.insert_ext", `
		INSERT INTO crm_customer_ext (tenant_id, system, ext_id, customer_id, created_at) VALUES ($1, $2, $3, $4, $5)`)

	dropExt = store.Same("customer.drop_ext", `
		DELETE FROM crm_customer_ext WHERE tenant_id = $1 AND system = $2 AND ext_id = $3`)

	dropExts = splitIn("customer.drop_exts", `
		DELETE FROM crm_customer_ext WHERE tenant_id = $1 AND customer_id [IN]`)
)

func pointStatements() []store.SQL {
	return []store.SQL{detailsOf, detailsOfAll, insertPoint, updatePoint, endPoint, endPoints, insertExt, dropExt, dropExts}
}

// detailsText reads live points with the key that opens them, and external ids, which have no id of a point.
func detailsText(points, exts string) string {
	return `
		SELECT p.customer_id, p.id, p.version, p.channel AS word, p.label AS text, p.is_primary, p.verified, p.invalid, p.valid_from, p.sealed, k.wrapped
		FROM crm_contact_point p LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = p.customer_id
		WHERE p.tenant_id = $1 AND p.valid_to IS NULL AND p.customer_id` + points + `
		UNION ALL
		SELECT e.customer_id, NULL, 0, e.system, e.ext_id, false, false, false, NULL, NULL, NULL
		FROM crm_customer_ext e WHERE e.tenant_id = $1 AND e.customer_id` + exts
}

// detailRow is a point or an external id.
type detailRow struct {
	CustomerID store.ID   `bun:"customer_id"`
	ID         store.ID   `bun:"id"`
	Version    int64      `bun:"version"`
	Word       string     `bun:"word"`
	Text       string     `bun:"text"`
	Primary    bool       `bun:"is_primary"`
	Verified   bool       `bun:"verified"`
	Invalid    bool       `bun:"invalid"`
	ValidFrom  store.Time `bun:"valid_from"`
	Sealed     []byte     `bun:"sealed"`
	Wrapped    []byte     `bun:"wrapped"`
}

// complete adds points and external ids to one customer.
func (s *Store) complete(ctx context.Context, c *work.Call, rec *customer.Customer, merged bool) error {
	if merged {
		return s.completeAll(ctx, c, []*customer.Customer{rec}, []ident.ID{rec.ID})
	}
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return err
	}
	var rows []detailRow
	if err := s.on(c).Select(ctx, detailsOf, &rows, c.Tenant(), rec.ID); err != nil {
		return err
	}
	s.attach(c, rec, rows)
	order(rec)
	return nil
}

// completeAll adds points and external ids to many customers; merged lists those of them that have losers.
func (s *Store) completeAll(ctx context.Context, c *work.Call, recs []*customer.Customer, merged []ident.ID) error {
	if len(recs) == 0 {
		return nil
	}
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return err
	}
	byID := make(map[ident.ID]*customer.Customer, len(recs))
	ids := make([]ident.ID, 0, len(recs))
	for _, r := range recs {
		byID[r.ID] = r
		ids = append(ids, r.ID)
	}
	losers, err := s.losers(ctx, c, merged)
	if err != nil {
		return err
	}
	for _, l := range losers {
		byID[ident.ID(l.ID)] = byID[ident.ID(l.CanonicalID)]
		ids = append(ids, ident.ID(l.ID))
	}
	var rows []detailRow
	if err := s.on(c).Select(ctx, detailsOfAll, &rows, c.Tenant(), s.idList(ids)); err != nil {
		return err
	}
	slices.SortStableFunc(rows, func(a, b detailRow) int { return ident.ID(a.CustomerID).Compare(ident.ID(b.CustomerID)) })
	for from := 0; from < len(rows); {
		to := from + 1
		for to < len(rows) && rows[to].CustomerID == rows[from].CustomerID {
			to++
		}
		s.attach(c, byID[ident.ID(rows[from].CustomerID)], rows[from:to])
		from = to
	}
	for _, r := range recs {
		order(r)
	}
	return nil
}

// attach adds the details of one subject, whose values share one unwrapped key.
func (s *Store) attach(c *work.Call, rec *customer.Customer, rows []detailRow) {
	if len(rows) == 0 {
		return
	}
	subject := ident.ID(rows[0].CustomerID)
	var openers *keys.Openers
	for i := range rows {
		r := &rows[i]
		if r.ID == (store.ID{}) {
			rec.Ext = append(rec.Ext, ident.Ext{System: r.Word, ID: r.Text})
			continue
		}
		if openers == nil {
			openers = s.keys.Openers(c.Tenant(), r.Wrapped, subject)
		}
		id := ident.ID(r.ID)
		rec.Points = append(rec.Points, customer.ContactPoint{
			ID: id, Channel: personal.Channel(r.Word), Label: r.Text, Primary: r.Primary, Verified: r.Verified, Invalid: r.Invalid,
			ValidFrom: time.Time(r.ValidFrom), Version: r.Version, Subject: subject,
			Value: personal.NewSealed(personal.Contact, r.Sealed, openers.At(pointPlace(id))),
		})
	}
}

func pointPlace(id ident.ID) keys.Place {
	return keys.Place{Table: pointTable, Column: pointColumn, Row: id}
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

// addPoints stores new points under the customer's key.
func (s *Store) addPoints(ctx context.Context, c *work.Call, key keys.Key, id ident.ID, points []customer.ContactPoint) error {
	for i := range points {
		args, err := s.pointValues(ctx, c, key, id, &points[i])
		if err != nil {
			return err
		}
		if _, err := s.on(c).Exec(ctx, insertPoint, args...); err != nil {
			return taken(err, fmt.Sprintf("points[%d].value", i))
		}
	}
	return nil
}

// subjectKey returns the key of a subject, which gets one if it has none.
func (s *Store) subjectKey(ctx context.Context, c *work.Call, id ident.ID) (keys.Key, error) {
	return s.keys.Subject(ctx, c.Unit, c.Tenant(), id, true)
}

// pointColumns are the columns of pointValues, for bulk loads.
var pointColumns = []string{"tenant_id", "customer_id", "id", "version", "channel", "sealed", "blind", "label", "is_primary", "verified", "invalid", "valid_from", "created_at"}

// pointValues seals a point.
func (s *Store) pointValues(ctx context.Context, c *work.Call, key keys.Key, id ident.ID, p *customer.ContactPoint) ([]any, error) {
	value, err := p.Value.Value()
	if err != nil {
		return nil, err
	}
	sealed, err := key.Seal(pointPlace(p.ID), value)
	if err != nil {
		return nil, err
	}
	blind, err := s.blind(ctx, c, p.Channel, value)
	if err != nil {
		return nil, err
	}
	return []any{
		c.Tenant(), id, p.ID, p.Version, string(p.Channel), sealed, blind, store.OrNull(p.Label), p.Primary, p.Verified, p.Invalid, p.ValidFrom,
	}, nil
}

func (s *Store) blind(ctx context.Context, c *work.Call, ch personal.Channel, value string) ([]byte, error) {
	index, key := customer.BlindKey(ch, value)
	return s.keys.Blind(ctx, c.Tenant(), index, key)
}

// updatePoints stores what differs between the points of two states.
func (s *Store) updatePoints(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	old := make(map[ident.ID]*customer.ContactPoint, len(before.Points))
	for i := range before.Points {
		old[before.Points[i].ID] = &before.Points[i]
	}
	var fresh, changed []customer.ContactPoint
	for _, p := range after.Points {
		switch was := old[p.ID]; {
		case was == nil:
			fresh = append(fresh, p)
		case was.Version != p.Version:
			changed = append(changed, p)
		}
		delete(old, p.ID)
	}
	on := s.on(c)
	for _, p := range old {
		if _, err := on.Exec(ctx, endPoint, c.Tenant(), p.Subject, p.ID, after.UpdatedAt); err != nil {
			return err
		}
	}
	for i := range changed {
		p := &changed[i]
		if _, err := on.Exec(ctx, updatePoint, c.Tenant(), p.Subject, p.ID, p.Version, store.OrNull(p.Label), p.Primary, p.Verified, p.Invalid); err != nil {
			return taken(err, "points.value")
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	key, err := s.subjectKey(ctx, c, after.ID)
	if err != nil {
		return err
	}
	return s.addPoints(ctx, c, key, after.ID, fresh)
}

// addExt stores external ids; all is the list that faults name places of.
func (s *Store) addExt(ctx context.Context, c *work.Call, id ident.ID, list, all []ident.Ext) error {
	for _, x := range list {
		if _, err := s.on(c).Exec(ctx, insertExt, c.Tenant(), x.System, x.ID, id, c.Now); err != nil {
			return taken(err, fmt.Sprintf("ext[%d]", slices.Index(all, x)))
		}
	}
	return nil
}

func (s *Store) updateExt(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	if slices.Equal(before.Ext, after.Ext) {
		return nil
	}
	for _, x := range before.Ext {
		if !slices.Contains(after.Ext, x) {
			if _, err := s.on(c).Exec(ctx, dropExt, c.Tenant(), x.System, x.ID); err != nil {
				return err
			}
		}
	}
	added := slices.DeleteFunc(slices.Clone(after.Ext), func(x ident.Ext) bool { return slices.Contains(before.Ext, x) })
	return s.addExt(ctx, c, after.ID, added, after.Ext)
}
