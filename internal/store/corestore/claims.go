package corestore

import (
	"context"
	"errors"
	"slices"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	claimTable = store.TableOf[claim.Claim](claim.Kinds()[0], map[string]string{"until": "until_at"})

	claimOfKey = claimTable.Reading("corestore.claim_of_key", `r.id =
		(SELECT k.claim_id FROM crm_claim_key k WHERE k.tenant_id = $1 AND k.namespace = $2 AND k.key = $3)`)

	takeKey = store.Same("corestore.take_key", `
		INSERT INTO crm_claim_key (tenant_id, namespace, key, claim_id, until_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant_id, namespace, key) DO UPDATE SET claim_id = excluded.claim_id, until_at = excluded.until_at
		WHERE crm_claim_key.claim_id = excluded.claim_id OR crm_claim_key.until_at <= $6`)

	dropKey = store.Same("corestore.drop_key", `
		DELETE FROM crm_claim_key WHERE tenant_id = $1 AND namespace = $2 AND key = $3 AND claim_id = $4`)
)

// Claims returns the store of claims.
func (s *Store) Claims() claim.Store { return claims{claimTable.On(s.db, nil)} }

// claims is the table of claims with that of their keys.
type claims struct {
	*store.Bound[claim.Claim, *claim.Claim]
}

// Of implements [claim.Store].
func (s claims) Of(ctx context.Context, c *work.Call, key claim.Key) (*claim.Claim, error) {
	return s.One(ctx, c, claimOfKey, c.Tenant(), key.Namespace, key.Key)
}

// Save implements [claim.Store]. Keys leave together with the claim: one that may not be taken undoes everything.
func (s claims) Save(ctx context.Context, c *work.Call, before, after *claim.Claim) error {
	if err := s.Bound.Save(ctx, c, before, after); err != nil {
		return err
	}
	if after.State == claim.StateReleased {
		return s.drop(c, after, after.Keys)
	}
	conn := s.DB.On(c.Unit)
	for _, k := range after.Keys {
		if err := conn.QueueOne(takeKey, refused(k), c.Tenant(), k.Namespace, k.Key, after.ID, after.Until, c.Now); err != nil {
			return err
		}
	}
	if before == nil {
		return nil
	}
	return s.drop(c, after, slices.DeleteFunc(slices.Clone(before.Keys), after.Holds))
}

// refused is the check of a key that may be another claim's.
func refused(k claim.Key) func(err error) error {
	return func(err error) error {
		if errors.Is(err, store.ErrNoRow) {
			return claim.Taken(k)
		}
		return err
	}
}

// drop frees those of the keys that the claim has.
func (s claims) drop(c *work.Call, rec *claim.Claim, keys []claim.Key) error {
	conn := s.DB.On(c.Unit)
	for _, k := range keys {
		if err := conn.Queue(dropKey, nil, c.Tenant(), k.Namespace, k.Key, rec.ID); err != nil {
			return err
		}
	}
	return nil
}

// Insert implements [work.Store]. Nothing makes claims in bulk.
func (s claims) Insert(context.Context, *work.Call, []*claim.Claim) error {
	return fault.New(fault.Internal, "claims are acquired one by one")
}
