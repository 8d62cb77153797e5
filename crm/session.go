package crm

import (
	"context"
	"database/sql"
	"errors"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/tenant"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/service"
)

// Session is the CRM as one principal sees it, for one purpose. It is a light value, safe for concurrent use unless
// it is inside a transaction, and needs no closing. [CRM.As] makes it.
type Session struct {
	Customers     customer.Customers     // people, organizations, groups: their points, relationships, search
	Interactions  activity.Interactions  // contacts with customers, and the customers' timelines
	Leads         pipeline.Leads         // interests to be qualified
	Opportunities pipeline.Opportunities // chances of an order
	Pipelines     pipeline.Pipelines     // versioned stages with gates
	Cases         service.Cases          // complaints and requests with their clocks
	Consents      privacy.Consents       // what customers said, and whether they may be contacted
	Sends         privacy.Sends          // the gate to customers' addresses
	Schema        custom.Fields          // custom fields and objects, and the description of every entity
	Settings      tenant.Tenant          // the tenant's time zone, currency and language
	Claims        claim.Claims           // exclusive resources with a time limit
	Plugins       Plugins                // actions of extensions, and what they were shown
	Outbox        Outbox                 // the queue of events and timers, and its dead letters

	crm   *CRM
	scope work.Scope
}

// As returns a session for a principal and a purpose. Empty text in either is an Invalid fault at the first call.
func (c *CRM) As(p ident.Principal, why personal.Purpose) *Session {
	return c.session(work.Scope{Principal: p, Purpose: why})
}

// For returns the session with another purpose.
func (s *Session) For(why personal.Purpose) *Session {
	scope := s.scope
	scope.Purpose = why
	return s.crm.session(scope)
}

// From returns the session with a source, stored with the personal data it writes.
func (s *Session) From(src personal.Source) *Session {
	scope := s.scope
	scope.Source = src
	return s.crm.session(scope)
}

// Once returns a session whose next write takes effect once: repeated with the same key and arguments it returns the
// first one's record, with other arguments a Conflict fault. One key serves one write. Keys have up to 200 bytes;
// the empty one is no key, so that a handler may pass on a header that its caller has left out.
func (s *Session) Once(key string) *Session {
	scope := s.scope
	scope.Once = key
	return s.crm.session(scope)
}

// Principal returns who acts.
func (s *Session) Principal() ident.Principal { return s.scope.Principal }

// Purpose returns why.
func (s *Session) Purpose() personal.Purpose { return s.scope.Purpose }

// Scope returns what the façades of this session act for, for façades that are no field of it. It must not be changed.
func (s *Session) Scope() *work.Scope { return &s.scope }

// Objects returns the records of a kind that the tenant has defined: key is the one that was given to
// [custom.Fields.DefineObject], such as "boat"; the kind's whole name, "object.boat", is good, too.
func (s *Session) Objects(key string) object.Objects { return s.crm.objects.Objects(key, &s.scope) }

// InTx runs fn in one transaction and commits it, or rolls back when fn returns an error or panics. fn gets a session
// inside the transaction, and must use that one; the outer session inside fn is an Invalid fault. When the database
// asks for it, fn runs again from the start, so it must not keep effects of its own outside the transaction.
// On a session that is inside a transaction already, InTx takes a savepoint.
//
// Errors: what fn returns; Retryable when the tries are used up; CommitUnknown when the connection broke during
// commit.
func (s *Session) InTx(ctx context.Context, fn func(ctx context.Context, s *Session) error) error {
	if fn == nil {
		return fault.At("crm: transaction", fault.Field("fn", "must be a function to run in the transaction"))
	}
	var own error // the host's: handed back as it is
	err := s.crm.db.Write(ctx, s.scope.Unit, func(ctx context.Context, u work.Unit) error {
		own = fn(ctx, s.on(u))
		return own
	})
	if own != nil && errors.Is(err, own) {
		return err
	}
	return fault.At("crm: transaction", err)
}

// Join returns the session on the host's transaction, which the host ends. Every statement of the session runs on
// it, each write inside a savepoint, so the host may handle an error and go on. For a pgx.Tx see postgres.Join.
// The session must not be used after the transaction has ended, nor by several goroutines at once.
func (s *Session) Join(tx *sql.Tx) *Session { return s.on(s.crm.db.Join(tx)) }

// Querier runs the host's own SQL on a session's transaction.
type Querier interface {
	// ExecContext runs a statement; see [sql.Tx.ExecContext].
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	// QueryContext runs a query, whose rows the caller closes before the session's next operation.
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	// QueryRowContext runs a query of one row; its errors come with Scan.
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// SQL returns the session's transaction for the host's own statements, or nil outside of one.
func (s *Session) SQL() Querier { return s.crm.db.Querier(s.scope.Unit) }

func (s *Session) on(u work.Unit) *Session {
	scope := s.scope
	scope.Unit = u
	return s.crm.session(scope)
}

// JoinTx runs fn with a session on a transaction of the driver's own, which the host ends, and releases it afterwards. It
// is what postgres.Join does for a pgx.Tx; the session must not outlive fn.
//
// Errors: Invalid for field "tx" when the database's driver has no such transactions; what fn returns.
func (s *Session) JoinTx(ctx context.Context, tx any, fn func(ctx context.Context, s *Session) error) (err error) {
	if fn == nil {
		return fault.At("crm: join", fault.Field("fn", "must be a function to run with the session"))
	}
	u, release, err := s.crm.db.JoinTx(ctx, tx)
	if err != nil {
		return fault.At("crm: join", err)
	}
	defer func() {
		if e := release(); err == nil {
			err = fault.At("crm: join", e)
		}
	}()
	return fn(ctx, s.on(u))
}
