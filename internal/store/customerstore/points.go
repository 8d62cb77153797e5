package customerstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

const pointTable = "crm_contact_point"

var (
	pointColumns = []string{"tenant_id", "customer_id", "id", "version", "channel", "sealed", "blind", "label",
		"is_primary", "verified", "invalid", "valid_from", "created_at"}
	extColumns = []string{"tenant_id", "system", "ext_id", "customer_id", "created_at"}
)

var (
	insertPoint = store.Same("customer.insert_point", store.InsertText(pointTable, pointColumns))

	updatePoint = store.Same("customer.update_point", `
		UPDATE crm_contact_point SET version = $4, label = $5, is_primary = $6, verified = $7, invalid = $8
		WHERE tenant_id = $1 AND customer_id = $2 AND id = $3`)

	endPoint = store.Same("customer.end_point", `
		UPDATE crm_contact_point SET version = version + 1, is_primary = false, valid_to = $4
		WHERE tenant_id = $1 AND customer_id = $2 AND id = $3`)

	endPoints = splitIn("customer.end_points", `
		UPDATE crm_contact_point SET version = version + 1, valid_to = $3
		WHERE tenant_id = $1 AND customer_id [IN] AND valid_to IS NULL`)

	// revivePoints runs while the customer, argument $3, is still deleted.
	revivePoints = splitIn("customer.revive_points", `
		UPDATE crm_contact_point SET valid_to = NULL
		WHERE tenant_id = $1 AND customer_id [IN]
		AND valid_to = (SELECT c.deleted_at FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = $3)`)

	insertExt = store.Same("customer.insert_ext", store.InsertText("crm_customer_ext", extColumns))

	dropExt = store.Same("customer.drop_ext", `
		DELETE FROM crm_customer_ext WHERE tenant_id = $1 AND system = $2 AND ext_id = $3`)

	dropExts = splitIn("customer.drop_exts", `
		DELETE FROM crm_customer_ext WHERE tenant_id = $1 AND customer_id [IN]`)
)

func pointStatements() []store.SQL {
	return []store.SQL{detailsOf, detailsOfAll, detailsOfDeleted, insertPoint, updatePoint, endPoint, endPoints, revivePoints,
		insertExt, dropExt, dropExts}
}

func pointPlace(id ident.ID) keys.Place {
	return keys.Place{Table: pointTable, Column: "sealed", Row: id}
}

// addPoints stores new points under the customer's key.
func (s *Store) addPoints(ctx context.Context, c *work.Call, key keys.Key, id ident.ID, points []customer.ContactPoint) error {
	for i := range points {
		args, err := s.pointValues(ctx, c, key, id, &points[i])
		if err != nil {
			return err
		}
		if err := s.on(c).Queue(insertPoint, taken(fmt.Sprintf("points[%d].value", i)), args...); err != nil {
			return err
		}
	}
	return nil
}

// pointValues seals a point and returns the values of pointColumns.
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
		c.Tenant(), id, p.ID, p.Version, string(p.Channel), sealed, blind, store.OrNull(p.Label), p.Primary, p.Verified, p.Invalid, p.ValidFrom, c.Now,
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
		if err := on.Queue(endPoint, nil, c.Tenant(), p.Subject, p.ID, after.UpdatedAt); err != nil {
			return err
		}
	}
	for i := range changed {
		p := &changed[i]
		if err := on.Queue(updatePoint, taken("points.value"), c.Tenant(), p.Subject, p.ID, p.Version, store.OrNull(p.Label), p.Primary, p.Verified, p.Invalid); err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	key, err := store.KeyOf(ctx, s.keys, c, after.ID)
	if err != nil {
		return err
	}
	return s.addPoints(ctx, c, key, after.ID, fresh)
}

// addExt stores external ids of a customer. Faults name their places in all its ids.
func (s *Store) addExt(c *work.Call, rec *customer.Customer, list []ident.Ext) error {
	for _, x := range list {
		check := taken(fmt.Sprintf("ext[%d]", slices.Index(rec.Ext, x)))
		if err := s.on(c).Queue(insertExt, check, c.Tenant(), x.System, x.ID, rec.ID, c.Now); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) updateExt(c *work.Call, before, after *customer.Customer) error {
	if slices.Equal(before.Ext, after.Ext) {
		return nil
	}
	for _, x := range before.Ext {
		if !slices.Contains(after.Ext, x) {
			if err := s.on(c).Queue(dropExt, nil, c.Tenant(), x.System, x.ID); err != nil {
				return err
			}
		}
	}
	added := slices.DeleteFunc(slices.Clone(after.Ext), func(x ident.Ext) bool { return slices.Contains(before.Ext, x) })
	return s.addExt(c, after, added)
}
