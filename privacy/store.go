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
	// LockHeads must keep everybody else from locking any of the subjects until the transaction ends, and return the
	// greatest sequence number among them. It must take the locks in order of id, also for subjects that never said
	// anything. What others recorded about the subjects before must be seen by later reads of the transaction, or
	// the transaction must fail with a Retryable fault.
	LockHeads(ctx context.Context, c *work.Call, subjects []ident.ID) (seq int64, err error)
	// AddConsent must store the record with its evidence sealed by the subject's key, and set the sequence number of
	// its subject and of those it covers to its own. The caller holds their locks.
	AddConsent(ctx context.Context, c *work.Call, rec *Consent) error
	// Said must return what the subjects said about a purpose on a channel or on every channel, in no order. More
	// than [MaxSaid] records are LimitExceeded.
	Said(ctx context.Context, c *work.Call, subjects []ident.ID, p personal.Purpose, ch personal.Channel) ([]Consent, error)
	// Consent must return one record; a missing one is NotFound.
	Consent(ctx context.Context, c *work.Call, id ident.ID) (*Consent, error)
	// ListConsents must return one page.
	ListConsents(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[Consent], error)
}

// MaxSaid bounds how many records about one purpose and channel a subject may have. Beyond it nothing is decided.
const MaxSaid = 1000

// SuppressionStore keeps suppressed addresses.
type SuppressionStore interface {
	// Suppression must return the one of an address, locked when the call writes, or nil when there is none.
	Suppression(ctx context.Context, c *work.Call, ch personal.Channel, digest []byte) (*Suppression, error)
	// SuppressionByID must return one; a missing one is NotFound.
	SuppressionByID(ctx context.Context, c *work.Call, id ident.ID) (*Suppression, error)
	// PutSuppression must insert rec when old is nil, and update it otherwise. When somebody else was faster it is
	// a Retryable fault.
	PutSuppression(ctx context.Context, c *work.Call, old, rec *Suppression) error
}

// SendStore keeps sends and the decisions about them.
type SendStore interface {
	// Sending must return the send of a key, locked when the call writes, or nil when there is none.
	Sending(ctx context.Context, c *work.Call, key string) (*Sending, error)
	// PutSending must insert rec when old is nil, and update it otherwise. When somebody else was faster it is a
	// Retryable fault.
	PutSending(ctx context.Context, c *work.Call, old, rec *Sending) error
	// AddDecision must store a decision.
	AddDecision(ctx context.Context, c *work.Call, d *Decision) error
	// Decisions must return decisions about the subjects, newest first, at most limit.
	Decisions(ctx context.Context, c *work.Call, subjects []ident.ID, limit int) ([]Decision, error)
}

// Subjects is what this package needs to know of customers.
type Subjects interface {
	// Resolve must return every id under which the customer's records may be stored: first the survivor's, then
	// those of customers merged into it. A customer that does not exist, or with which the scope may not do the
	// action, must be fault.NotFound.
	Resolve(ctx context.Context, s work.Scope, id ident.ID, a work.Action) ([]ident.ID, error)
	// Address must return the normalised address to use for a channel, whatever the scope itself may see of it: that
	// of the primary contact point, else of another usable one. Without one it must return the absent Text.
	Address(ctx context.Context, s work.Scope, subjects []ident.ID, ch personal.Channel) (personal.Text, error)
	// Normalise must bring an address into the form of those that Address returns, or return an Invalid fault.
	Normalise(ctx context.Context, s work.Scope, ch personal.Channel, address string) (string, error)
}
