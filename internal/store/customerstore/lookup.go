package customerstore

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

const byPointText = `
	SELECT DISTINCT coalesce(c.canonical_id, c.id) AS id
	FROM crm_contact_point p JOIN crm_customer c ON c.tenant_id = $1 AND c.id = p.customer_id
	WHERE p.tenant_id = $1 AND p.blind = $2 AND p.valid_to IS NULL AND p.channel IN ($3, $4)
	ORDER BY id LIMIT `

var (
	byExt = store.Same("customer.by_ext", `
		SELECT coalesce(c.canonical_id, c.id) AS id
		FROM crm_customer_ext e JOIN crm_customer c ON c.tenant_id = $1 AND c.id = e.customer_id
		WHERE e.tenant_id = $1 AND e.system = $2 AND e.ext_id = $3`)

	// PostgreSQL is held to one look per value, as by takenExts.
	byExts = store.Split("customer.by_exts", `
		SELECT s.value AS ext_id, x.id FROM jsonb_array_elements_text($2::jsonb) AS s(value) CROSS JOIN LATERAL (
			SELECT coalesce(c.canonical_id, c.id) AS id
			FROM crm_customer_ext e JOIN crm_customer c ON c.tenant_id = $1 AND c.id = e.customer_id
			WHERE e.tenant_id = $1 AND e.system = $3 AND e.ext_id = s.value LIMIT 1) x`, `
		SELECT e.ext_id, coalesce(c.canonical_id, c.id) AS id
		FROM crm_customer_ext e JOIN crm_customer c ON c.tenant_id = $1 AND c.id = e.customer_id
		WHERE e.tenant_id = $1 AND e.system = $3 AND e.ext_id IN (SELECT value FROM json_each($2))`)

	byPoint = store.Split("customer.by_point", byPointText+"$5", byPointText+"$5 + 0")

	losersOf = splitIn("customer.losers", `
		SELECT id, canonical_id FROM crm_customer WHERE tenant_id = $1 AND canonical_id [IN]`)
)

func lookupStatements() []store.SQL {
	return []store.SQL{byExt, byExts, byPoint, losersOf, takenIDs, takenExts, takenPoints, lastDocument}
}

// ByExt implements [customer.CustomerStore].
func (s *Store) ByExt(ctx context.Context, c *work.Call, ext ident.Ext) (ident.ID, bool, error) {
	var id store.ID
	err := s.on(c).Get(ctx, byExt, &id, c.Tenant(), ext.System, ext.ID)
	if errors.Is(err, store.ErrNoRow) {
		return ident.ID{}, false, nil
	}
	return ident.ID(id), err == nil, err
}

// extRow is an external id of one system, and who has it.
type extRow struct {
	ExtID string   `bun:"ext_id"`
	ID    store.ID `bun:"id"`
}

// ByExts implements [customer.CustomerStore].
func (s *Store) ByExts(ctx context.Context, c *work.Call, exts []ident.Ext) (map[ident.Ext]ident.ID, error) {
	bySystem, out := map[string][]string{}, map[ident.Ext]ident.ID{}
	for _, x := range exts {
		bySystem[x.System] = append(bySystem[x.System], x.ID)
	}
	for system, ids := range bySystem {
		var rows []extRow
		if err := s.on(c).Select(ctx, byExts, &rows, c.Tenant(), ids, system); err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[ident.Ext{System: system, ID: r.ExtID}] = ident.ID(r.ID)
		}
	}
	return out, nil
}

// ByPoint implements [customer.CustomerStore].
func (s *Store) ByPoint(ctx context.Context, c *work.Call, value string, limit int, channels [2]personal.Channel) ([]ident.ID, error) {
	blind, err := s.blind(ctx, c, channels[0], value)
	if err != nil {
		return nil, err
	}
	var rows []store.ID
	err = s.on(c).Select(ctx, byPoint, &rows, c.Tenant(), blind, string(channels[0]), string(channels[1]), limit)
	out := make([]ident.ID, len(rows))
	for i, id := range rows {
		out[i] = ident.ID(id)
	}
	return out, err
}

// loserRow is a merged customer and its survivor.
type loserRow struct {
	ID          store.ID `bun:"id"`
	CanonicalID store.ID `bun:"canonical_id"`
}

// losers returns those that were merged into the given survivors.
func (s *Store) losers(ctx context.Context, c *work.Call, survivors []ident.ID) ([]loserRow, error) {
	if len(survivors) == 0 {
		return nil, nil
	}
	var rows []loserRow
	return rows, s.on(c).Select(ctx, losersOf, &rows, c.Tenant(), store.IDList(s.db, survivors))
}

// ResolutionSet implements [customer.CustomerStore].
func (s *Store) ResolutionSet(ctx context.Context, c *work.Call, id ident.ID) ([]ident.ID, error) {
	rows, err := s.losers(ctx, c, []ident.ID{id})
	out := []ident.ID{id}
	for _, l := range rows {
		out = append(out, ident.ID(l.ID))
	}
	return out, err
}
