package plugin

import (
	"context"
	"log/slog"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
)

// Limits of what crosses the boundary.
const (
	MaxMessage  = 4 << 20   // bytes of one message, both ways
	MaxBatch    = 100       // deliveries in one batch
	MaxWrites   = 100       // writes in one Commit
	MaxRecords  = 200       // records on one page of a Query
	MaxCalls    = 1000      // call-backs for one event or action
	MaxShown    = 10_000    // records shown for one event or action
	MaxKey      = 200       // bytes of a key of Put and Get
	MaxValue    = 64 << 10  // bytes of a value of Put
	MaxInput    = 256 << 10 // bytes of an action's input or output, all texts together
	MaxManifest = 256 << 10 // bytes of a canonical manifest
)

// Host is what a handler may ask of the CRM. It is bound to one event or one action, for its purpose, in its tenant,
// until its deadline; afterwards every call is Denied. What the manifest does not declare is Denied too. For an
// action Host has no more rights than the user who called it. A forbidden record and a missing one answer alike.
//
// A Host is safe for concurrent use.
type Host interface {
	// Query returns records of one entity, cut down to the fields the manifest grants for the purpose of the call.
	// Every record that is handed over is written to the disclosure ledger.
	Query(ctx context.Context, q Query) (page.Page[Record], error)
	// Commit stores writes and the consumption of the present event or action in one transaction: all or nothing.
	// When it was consumed before, nothing is written and Again is true.
	Commit(ctx context.Context, c Commit) (Committed, error)
	// Claims gives the exclusive resources in the namespaces that the manifest declares.
	Claims() Claims
	// Get returns what Put stored under a key, for this plugin and tenant; ok is false when there is nothing.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Log hands a line to the host's logger, at most 1,000 bytes of it. Args are as in slog; personal.Text among them
	// shows its class only. Personal data does not belong into logs.
	Log(ctx context.Context, level slog.Level, msg string, args ...any)
}

// Claims are exclusive resources with a time limit. Keys must be in a declared namespace; a claim of another
// namespace is NotFound.
type Claims interface {
	// Acquire takes all keys or none. A key that somebody holds is a Conflict with Reason "taken" and Field the key.
	Acquire(ctx context.Context, r claim.Request) (claim.Claim, error)
	// Commit makes a held claim permanent. To do it together with other writes, use [CommitClaim].
	Commit(ctx context.Context, id ident.ID) (claim.Claim, error)
	// Release gives the keys back. Releasing twice changes nothing.
	Release(ctx context.Context, id ident.ID) (claim.Claim, error)
	// Of returns the claim that holds a key; ok is false when it is free.
	Of(ctx context.Context, k claim.Key) (c claim.Claim, ok bool, err error)
}

// Query asks for records of one entity: those with the given ids, or those that meet a condition.
type Query struct {
	Entity string     // registry name, such as "customer"
	IDs    []ident.ID // these records only, at most MaxRecords, so none when it is empty; then Where and Cursor must be empty. Nil means those that meet Where
	Fields []string   // declared fields, so ids only when it is empty; nil means every declared one
	Where  page.Where // further condition in CEL over declared fields
	Limit  int        // records on a page, 1 to MaxRecords; 0 means 50
	Cursor string     // Next of the page before
}

// Commit is writes that happen together, once.
type Commit struct {
	// Consumed names the present event or action, so that a repetition takes no effect: Event.ID or Request.ID. Nil
	// writes without a mark: a repetition writes again.
	Consumed []ident.ID
	Writes   []Write // in order; at most MaxWrites
}

// Committed is the result of a Commit.
type Committed struct {
	Again bool       // consumed before: nothing was written
	IDs   []ident.ID // one per write: the record it made, or zero; nil when Again
}

// Write is one of [LogInteraction], [Emit], [Put], [CommitClaim] and [ReleaseClaim].
type Write interface{ write() }

// LogInteraction puts an interaction on a customer's timeline. The manifest must declare it in Writes.
type LogInteraction struct {
	Customer  ident.ID         // who took part; needed
	Channel   personal.Channel // by which way; needed
	Direction string           // "inbound", "outbound" or "internal"
	At        time.Time        // zero means now
	Subject   string           // at most 300 characters
	Body      string           // at most 20,000 characters
}

// Emit puts an event of the plugin's own into the outbox. Its kind and facts must be declared. It is an event of a
// record of its own, whose entity is the plugin's namespace.
type Emit struct {
	Kind  event.Kind        // declared by Emits
	About ident.Ref         // the record it is about: events about one record keep their order. Zero is in no order
	Refs  []ident.Ref       // other records affected; in the event, About comes first among its Refs
	Facts map[string]string // declared facts; never personal data
}

// Put stores a value of the plugin's own, per tenant. An empty value deletes. Personal data does not belong there.
type Put struct {
	Key   string // 1 to MaxKey bytes
	Value []byte // at most MaxValue bytes
}

// CommitClaim makes a held claim permanent. One that is committed already is a Conflict with reason "committed", so
// that of several commits with it exactly one takes effect.
type CommitClaim struct {
	ID ident.ID // of a claim in the plugin's namespaces; any other is NotFound
}

// ReleaseClaim gives a claim back.
type ReleaseClaim struct {
	ID ident.ID // of a claim in the plugin's namespaces; any other is NotFound
}

func (LogInteraction) write() {}
func (Emit) write()           {}
func (Put) write()            {}
func (CommitClaim) write()    {}
func (ReleaseClaim) write()   {}
