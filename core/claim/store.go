package claim

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps claims and who has which key. Every method runs on c.Unit for c.Tenant(). Implementations must be
// safe for concurrent use.
type Store interface {
	// Get must return the claim through c.Access.Rows with the keys it was saved with, or fault.NotFound. With
	// lock it must keep other writers from the claim until the transaction ends.
	Get(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*Claim, error)
	// Of must return the claim that has the key, expired or not, through c.Access.Rows, or fault.NotFound.
	Of(ctx context.Context, c *work.Call, key Key) (*Claim, error)
	// Save must write the claim's row, a new one where before is nil. It must return fault.Conflict when the stored
	// version is not that of before, or the new id exists. It does not touch the keys.
	Save(ctx context.Context, c *work.Call, before, after *Claim) error
	// Take must give each of the claim's keys to it until its Until, or without limit when that is zero. A key may
	// be taken when nobody has it, when the claim itself has it, and when the other's limit is at or before c.Now.
	// Keys must be taken in order. At the first that may not be taken it must return that key and taken true; the
	// caller then rolls back.
	//
	// Two transactions that take the same key must not both succeed, whatever the isolation level: the check and the
	// change are one statement on the row of primary key (tenant, namespace, key).
	Take(ctx context.Context, c *work.Call, claim *Claim) (key Key, taken bool, err error)
	// Drop must free those of the keys that the claim has, and leave alone what others have.
	Drop(ctx context.Context, c *work.Call, id ident.ID, keys []Key) error
}
