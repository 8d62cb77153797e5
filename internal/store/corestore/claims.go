package corestore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// Claims returns the store of claims.
func (s *Store) Claims() claim.Store { return claims{s.db} }

type claims struct{ db *store.DB }

type claimRow struct {
	ID           store.ID   `bun:"id"`
	Version      int64      `bun:"version"`
	HolderEntity string     `bun:"holder_entity"`
	HolderID     store.ID   `bun:"holder_id"`
	State        string     `bun:"state"`
	Until        store.Time `bun:"until_at"`
	Keys         store.JSON `bun:"keys"`
	OwnerUser    string     `bun:"owner_user"`
	OwnerTeam    string     `bun:"owner_team"`
	CreatedAt    store.Time `bun:"created_at"`
	UpdatedAt    store.Time `bun:"updated_at"`
	CreatedBy    string     `bun:"created_by"`
	SourceSystem string     `bun:"source_system"`
	SourceRef    string     `bun:"source_ref"`
}

func (r *claimRow) claim() (*claim.Claim, error) {
	c := &claim.Claim{
		Meta: schema.Meta{
			ID: ident.ID(r.ID), Version: r.Version, OwnerUser: r.OwnerUser, OwnerTeam: r.OwnerTeam,
			CreatedAt: time.Time(r.CreatedAt), UpdatedAt: time.Time(r.UpdatedAt), CreatedBy: r.CreatedBy,
			Source: personal.Source{System: r.SourceSystem, Ref: r.SourceRef},
		},
		Holder: ident.Ref{Entity: r.HolderEntity, ID: ident.ID(r.HolderID)},
		State:  claim.State(r.State),
		Until:  time.Time(r.Until),
	}
	if err := json.Unmarshal(r.Keys, &c.Keys); err != nil {
		return nil, fault.New(fault.Internal, "claim %s cannot be read: %w", c.ID, err)
	}
	return c, nil
}

// Get implements [claim.Store].
func (s claims) Get(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*claim.Claim, error) {
	q := getClaim
	if lock {
		q = lockClaim
	}
	return s.load(ctx, c, q, c.Tenant(), id)
}

// Of implements [claim.Store].
func (s claims) Of(ctx context.Context, c *work.Call, key claim.Key) (*claim.Claim, error) {
	return s.load(ctx, c, claimOfKey, c.Tenant(), key.Namespace, key.Key)
}

func (s claims) load(ctx context.Context, c *work.Call, q store.SQL, args ...any) (*claim.Claim, error) {
	var row claimRow
	if err := s.db.On(c.Unit).Get(ctx, q, &row, args...); err != nil {
		return nil, err
	}
	rec, err := row.claim()
	if err == nil && c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes {
		err = store.ErrNoRow
	}
	if err != nil {
		return nil, err
	}
	return rec, nil
}

// Save implements [claim.Store].
func (s claims) Save(ctx context.Context, c *work.Call, before, after *claim.Claim) error {
	keys, err := json.Marshal(after.Keys)
	if err != nil {
		return err
	}
	args := []any{
		c.Tenant(), after.ID, after.Version, store.OrNull(after.Holder.Entity), after.Holder.ID, string(after.State), after.Until,
		store.JSON(keys), store.OrNull(after.OwnerUser), store.OrNull(after.OwnerTeam), after.UpdatedAt,
		store.OrNull(after.Source.System), store.OrNull(after.Source.Ref),
	}
	conn := s.db.On(c.Unit)
	if before == nil {
		_, err := conn.Exec(ctx, addClaim, append(args, after.CreatedAt, after.CreatedBy)...)
		return err
	}
	n, err := conn.Exec(ctx, setClaim, append(args, before.Version)...)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "the claim was changed meanwhile: load it again and repeat")
	}
	return err
}

// Take implements [claim.Store].
func (s claims) Take(ctx context.Context, c *work.Call, cl *claim.Claim) (claim.Key, bool, error) {
	conn := s.db.On(c.Unit)
	for _, k := range cl.Keys {
		n, err := conn.Exec(ctx, takeKey, c.Tenant(), k.Namespace, k.Key, cl.ID, cl.Until, c.Now)
		if err != nil || n == 0 {
			return k, err == nil, err
		}
	}
	return claim.Key{}, false, nil
}

// Drop implements [claim.Store].
func (s claims) Drop(ctx context.Context, c *work.Call, id ident.ID, keys []claim.Key) error {
	conn := s.db.On(c.Unit)
	for _, k := range keys {
		if _, err := conn.Exec(ctx, dropKey, c.Tenant(), k.Namespace, k.Key, id); err != nil {
			return err
		}
	}
	return nil
}
