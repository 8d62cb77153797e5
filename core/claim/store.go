package claim

import (
	"context"

	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps claims and who has which key. Implementations must be safe for concurrent use.
//
// Save must make the keys follow the claim. One that is released must free those of its keys that it has, and leave alone
// what others have. Any other must have each of its keys until its Until, or without limit when that is zero, and let go
// those it has given up. It may take a key that nobody has, that it has itself, and one whose holder's limit is at or
// before c.Now; at another it must fail with [Taken]. Keys must be taken in their order.
//
// Two transactions that take the same key must not both succeed, whatever the isolation level: the check and the change are
// one statement on the row of primary key (tenant, namespace, key).
type Store interface {
	work.Store[Claim]
	// Of must return the claim that has the key, expired or not, or fault.NotFound.
	Of(ctx context.Context, c *work.Call, key Key) (*Claim, error)
}
