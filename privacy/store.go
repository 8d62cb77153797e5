package privacy

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// Store keeps consents, suppressions, sends and decisions. Every method works on the call's unit and in its tenant.
type Store interface {
	ConsentStore
	SuppressionStore
	SendStore
}

// ConsentStore keeps what subjects said.
type ConsentStore interface {
	// Consents must return the store of consents. Its Save must also move the heads of the subject and of those that the
	// record covers to the record's sequence number; the caller holds them.
	Consents() work.Store[Consent]
	// LockHeads must keep everybody else from locking any of the subjects until the transaction ends, and return what waits
	// for the greatest sequence number among them. It must take the locks in order of id, also for subjects that never said
	// anything. What others recorded about the subjects before must be seen by later reads of the transaction, those that
	// are sent together with it included, or the transaction must fail with a Retryable fault.
	LockHeads(ctx context.Context, c *work.Call, subjects []ident.ID) func(ctx context.Context) (seq int64, err error)
	// LearnKey must return what waits until the call knows the key that seals texts about a subject.
	LearnKey(c *work.Call, subject ident.ID) func(ctx context.Context) error
	// Said must return what waits for all that the subjects said about a purpose on a channel or on every channel, in no
	// order. More than [MaxSaid] records are LimitExceeded.
	Said(ctx context.Context, c *work.Call, subjects []ident.ID, p personal.Purpose, ch personal.Channel) func(ctx context.Context) ([]Consent, error)
}

// MaxSaid bounds how many records about one purpose and channel a subject may have. Beyond it nothing is decided.
const MaxSaid = 1000

// SuppressionStore keeps suppressed addresses.
type SuppressionStore interface {
	// Suppressions must return the store of suppressions. Of an address that has one Save must fail with a Conflict of reason
	// "taken".
	Suppressions() work.Store[Suppression]
	// Suppression must return the one of an address; a missing one is NotFound.
	Suppression(ctx context.Context, c *work.Call, ch personal.Channel, digest []byte, how work.Fetch) (*Suppression, error)
}

// SendStore keeps sends and the decisions about them.
type SendStore interface {
	// Sends must return the store of sends. Of a key that has one Save must fail with a Conflict of reason "taken".
	Sends() work.Store[Sending]
	// Sending must return what waits for the send of a key; a missing one is NotFound.
	Sending(ctx context.Context, c *work.Call, key string, how work.Fetch) func(ctx context.Context) (*Sending, error)
	// AddDecision must store a decision.
	AddDecision(ctx context.Context, c *work.Call, d *Decision) error
	// Decisions must return decisions about the subjects, newest first, at most limit.
	Decisions(ctx context.Context, c *work.Call, subjects []ident.ID, limit int) ([]Decision, error)
}

// Addresses knows where customers are reached.
type Addresses interface {
	// Address must send for the normalized address to use for a channel, whatever the scope itself may see of it: that of
	// the primary contact point, else of another usable one. It returns what waits for it. Without one that must return the
	// absent Text.
	Address(ctx context.Context, s work.Scope, customer ident.ID, ch personal.Channel) func(ctx context.Context) (personal.Text, error)
	// Normalize must bring an address into the form of those that Address returns, or return an Invalid fault.
	Normalize(ctx context.Context, s work.Scope, ch personal.Channel, address string) (string, error)
}
