package customerstore

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	// PostgreSQL is held to one look per value: without statistics it would rather read the whole tenant.
	takenIDs = store.Split("customer.taken_ids", `
		SELECT x.id FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL (
			SELECT c.id FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = s.id LIMIT 1) x`, `
		SELECT id FROM crm_customer WHERE tenant_id = $1 AND id`+inListSQLite)

	takenExts = store.Split("customer.taken_exts", `
		SELECT x.ext_id FROM jsonb_array_elements_text($2::jsonb) AS s(value) CROSS JOIN LATERAL (
			SELECT e.ext_id FROM crm_customer_ext e WHERE e.tenant_id = $1 AND e.system = $3 AND e.ext_id = s.value LIMIT 1) x`, `
		SELECT ext_id FROM crm_customer_ext
		WHERE tenant_id = $1 AND system = $3 AND ext_id IN (SELECT value FROM json_each($2))`)

	takenPoints = store.Split("customer.taken_points", `
		SELECT s.value FROM jsonb_array_elements_text($2::jsonb) AS s(value) CROSS JOIN LATERAL (
			SELECT 1 FROM crm_contact_point p WHERE p.tenant_id = $1 AND p.channel = $3 AND p.verified AND p.valid_to IS NULL
			AND p.blind = decode(s.value, 'hex') LIMIT 1) x`, `
		SELECT lower(hex(blind)) FROM crm_contact_point
		WHERE tenant_id = $1 AND channel = $3 AND verified AND valid_to IS NULL
		AND blind IN (SELECT unhex(value) FROM json_each($2))`)
)

// key is a value that only one customer may have: of an external system, or of a channel.
type key struct{ space, value string }

// CheckCustomers implements [customer.CustomerStore].
func (s *Store) CheckCustomers(ctx context.Context, c *work.Call, recs []*customer.Customer, given bool) ([]error, error) {
	ids, err := s.knownIDs(ctx, c, recs, given)
	if err != nil {
		return nil, err
	}
	points, wantPoints, err := s.verified(ctx, c, recs)
	if err != nil {
		return nil, err
	}
	wantExts := map[string][]string{}
	for _, r := range recs {
		for _, x := range r.Ext {
			wantExts[x.System] = append(wantExts[x.System], x.ID)
		}
	}
	exts, err := s.known(ctx, c, takenExts, wantExts)
	if err != nil {
		return nil, err
	}
	blinds, err := s.known(ctx, c, takenPoints, wantPoints)
	if err != nil {
		return nil, err
	}
	out := make([]error, len(recs))
	for i, r := range recs {
		if out[i] = clash(r, points[i], ids, exts, blinds); out[i] != nil {
			continue
		}
		ids[r.ID] = true
		for _, x := range r.Ext {
			exts[key{x.System, x.ID}] = true
		}
		for _, k := range points[i] {
			blinds[k] = true
		}
	}
	return out, nil
}

// clash finds what an earlier customer has already, in the order in which an insert would meet it.
func clash(r *customer.Customer, points map[int]key, ids map[ident.ID]bool, exts, blinds map[key]bool) error {
	if ids[r.ID] {
		return takenField("id")
	}
	for i, x := range r.Ext {
		if exts[key{x.System, x.ID}] {
			return takenField(fmt.Sprintf("ext[%d]", i))
		}
	}
	seen := map[key]bool{}
	for i := range r.Points {
		k, verified := points[i]
		if verified && (blinds[k] || seen[k]) {
			return takenField(fmt.Sprintf("points[%d].value", i))
		}
		seen[k] = verified
	}
	return nil
}

func takenField(field string) error {
	f := fault.New(fault.Conflict, "is taken by another customer")
	f.Field, f.Reason = field, work.ReasonTaken
	return f
}

// knownIDs returns which ids are in the database. Ids that the CRM made are not looked for.
func (s *Store) knownIDs(ctx context.Context, c *work.Call, recs []*customer.Customer, given bool) (map[ident.ID]bool, error) {
	out := map[ident.ID]bool{}
	if !given {
		return out, nil
	}
	ids := make([]ident.ID, len(recs))
	for i, r := range recs {
		ids[i] = r.ID
	}
	var rows []store.ID
	err := s.on(c).Select(ctx, takenIDs, &rows, c.Tenant(), store.IDList(s.db, ids))
	for _, id := range rows {
		out[ident.ID(id)] = true
	}
	return out, err
}

// verified returns the keys of each customer's verified points by their place, and all of them by channel.
func (s *Store) verified(ctx context.Context, c *work.Call, recs []*customer.Customer) ([]map[int]key, map[string][]string, error) {
	out, all := make([]map[int]key, len(recs)), map[string][]string{}
	for i, r := range recs {
		for j := range r.Points {
			p := &r.Points[j]
			if !p.Verified {
				continue
			}
			blind, err := s.blind(ctx, c, p.Channel, p.Value.Reveal())
			if err != nil {
				return nil, nil, err
			}
			if out[i] == nil {
				out[i] = map[int]key{}
			}
			k := key{string(p.Channel), hex.EncodeToString(blind)}
			out[i][j], all[k.space] = k, append(all[k.space], k.value)
		}
	}
	return out, all, nil
}

// known returns which of the wanted values are in the database.
func (s *Store) known(ctx context.Context, c *work.Call, q store.SQL, want map[string][]string) (map[key]bool, error) {
	out := map[key]bool{}
	for space, values := range want {
		var rows []string
		if err := s.on(c).Select(ctx, q, &rows, c.Tenant(), values, space); err != nil {
			return nil, err
		}
		for _, v := range rows {
			out[key{space, v}] = true
		}
	}
	return out, nil
}
