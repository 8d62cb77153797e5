package work

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Units runs functions in transactions. The store implements it.
type Units interface {
	// Write must run fn in a transaction: without a unit in one of its own, repeated when the database asks for it;
	// on a unit inside a savepoint, so that a failed fn leaves the outer transaction usable. fn may run more than once.
	Write(ctx context.Context, u Unit, fn func(ctx context.Context, u Unit) error) error
	// Read must run fn on the unit, or without one on a pool for reading.
	Read(ctx context.Context, u Unit, fn func(ctx context.Context, u Unit) error) error
}

// Recorder keeps the record of a write, on the same unit.
type Recorder interface {
	// Record must write one audit row, the change's events and one dispatch row for them.
	Record(ctx context.Context, u Unit, t Record) error
	// Recall must return what was remembered under the key, and whether there is such a thing. It must hold the key
	// against concurrent writers until the transaction ends. A key remembered with another op or digest is a
	// fault of code Conflict with reason "once".
	Recall(ctx context.Context, u Unit, tenant, key, op string, digest []byte) (ident.Ref, bool, error)
	// Remember must keep the result of a write under the key.
	Remember(ctx context.Context, u Unit, tenant, key, op string, digest []byte, result ident.Ref, at time.Time) error
	// Digest must return a keyed digest of a write's arguments, which may hold personal data; Invalid with
	// [ReasonIncomparable] for those that have none.
	Digest(ctx context.Context, tenant string, args any) ([]byte, error)
}

// Record is what one write leaves behind besides its rows.
type Record struct {
	Op       string        // "customer: update"
	Scope    Scope         // who and why
	Action   Action        // right that was used
	Record   ident.Ref     // the record written
	Version  int64         // its version after the write
	Changed  []string      // names of changed fields, sorted
	At       time.Time     // the instant of the decision
	Events   []event.Event // in order; at least one
	Timeline []Line        // entries for the timelines of customers
	Timers   []Timer       // due work to put into the outbox, or to take back

	OwnerUser, OwnerTeam string // of the record after the write: whose timelines show the lines
}

// Line puts an event of the write on a customer's timeline.
type Line struct {
	Customer ident.ID  // whose timeline
	At       time.Time // place on it: when the thing happened
	Event    int       // index into Events
}

// Accesses keeps who saw sensitive data.
type Accesses interface {
	// Accessed must write one access record on the unit.
	Accessed(ctx context.Context, u Unit, a Accessed) error
}

// Accessed is one reading of sensitive fields of a record.
type Accessed struct {
	ID     ident.ID  // id of the access record
	Scope  Scope     // who and why
	Record ident.Ref // whose fields
	Fields []string  // which ones, sorted; never empty
	At     time.Time // the instant of the decision
}

// Timer is due work kept in the outbox. Its handler runs at least once at or after Due, in its own transaction.
type Timer struct {
	Key    string     // unique per tenant and Kind; setting it again moves it
	Kind   event.Kind // names the handler, such as "case.sla"
	Record ident.Ref  // the record it concerns
	Due    time.Time  // zero takes the timer back
}

// Schemas knows every entity: built in, with the tenant's and plugins' fields.
type Schemas interface {
	// Entity must return the entity as the tenant sees it.
	Entity(ctx context.Context, u Unit, tenant, name string) (*schema.Entity, error)
}

// Subjects knows to whom records belong: customers, and those merged into them.
type Subjects interface {
	// Resolve must return every id under which records of a customer may be stored: first its own, then those of customers
	// merged into it. A customer that does not exist, or with which the scope may not do a, must be fault.NotFound.
	Resolve(ctx context.Context, s Scope, id ident.ID, a Action) ([]ident.ID, error)
}

// SubjectsAhead is a [Subjects] whose answer can be sent for together with others.
type SubjectsAhead interface {
	Subjects
	// ResolveLater must return what waits for the answer of Resolve.
	ResolveLater(ctx context.Context, s Scope, id ident.ID, a Action) (wait func(ctx context.Context) ([]ident.ID, error))
}

// Referee answers for the records of one kind that other records refer to.
type Referee interface {
	// Refer must look whether a record is there for the call's principal to read. It returns what waits for the answer, so
	// that several questions are sent together: a NotFound fault for a record that is missing or out of sight.
	Refer(ctx context.Context, c *Call, id ident.ID) (wait func(ctx context.Context) error)
}

// BulkReferee is a [Referee] that answers for many records at once.
type BulkReferee interface {
	Referee
	// ReferAll must return those of the ids for which the answer of Refer is nil. It may leave out some of them: Refer is
	// asked about the rest.
	ReferAll(ctx context.Context, c *Call, ids []ident.ID) ([]ident.ID, error)
}

// Zones knows in which time zone a tenant's days begin.
type Zones interface {
	// Zone must return the tenant's zone as the unit sees it.
	Zone(ctx context.Context, u Unit, tenant string) (*time.Location, error)
}

// Engine holds what both paths need. It is immutable after crm.New and safe for concurrent use.
type Engine struct {
	Units    Units              // runs transactions; required
	Policy   Policy             // decides rights; required
	Recorder Recorder           // stores audit rows and events; required
	Audit    Audit              // reads the history of records; required where histories are read
	Accesses Accesses           // nil refuses every reading of sensitive data
	Schemas  Schemas            // describes entities with the tenant's fields; required
	Rules    rule.Compiler      // compiles conditions of lists; required
	Cursors  Cursors            // seals the positions of lists; required
	Zones    Zones              // zone of the tenant's today; nil means UTC
	Subjects Subjects           // knows to whom records belong; required where a kind has subjects
	Referees map[string]Referee // by kind: who answers for its records; a kind without one cannot be referred to
	Now      func() time.Time   // UTC, microseconds
	NewID    ident.Generator    // makes ids of records and events; required
}
