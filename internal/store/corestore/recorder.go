package corestore

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	addAudit = store.Same("corestore.add_audit", `
		INSERT INTO crm_audit (tenant_id, id, at, op, action, entity, record_id, version, actor_kind, actor_id, purpose,
			source_system, source_ref, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`)

	addEvent = store.Same("corestore.add_event", `
		INSERT INTO crm_event (tenant_id, id, kind, entity, record_id, version, ordinal, actor_kind, actor_id, purpose, at,
			changed, refs, facts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`)

	addDispatch = store.Same("corestore.add_dispatch", `
		INSERT INTO crm_dispatch (tenant_id, id, entity, record_id, version, at) VALUES ($1, $2, $3, $4, $5, $6)`)

	addLine = store.Same("corestore.add_line", `
		INSERT INTO crm_timeline (tenant_id, customer_id, at, event_id, kind, entity, record_id, owner_user, owner_team)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant_id, customer_id, at, event_id) DO NOTHING`)

	moveLines = store.Same("corestore.move_lines", `
		UPDATE crm_timeline SET owner_user = $3, owner_team = $4 WHERE tenant_id = $1 AND record_id = $2`)

	addAccess = store.Same("corestore.add_access", `
		INSERT INTO crm_access (tenant_id, id, at, actor_kind, actor_id, purpose, entity, record_id, fields)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)
)

// Record implements [work.Recorder]. The audit row and the dispatch row have the id of the main event. All rows are
// queued. An id names one record of a tenant, whatever its kind: the events of a second one are refused.
func (s *Store) Record(_ context.Context, u work.Unit, t work.Record) error {
	conn := s.db.On(u)
	if len(t.Events) == 0 {
		return fault.New(fault.Internal, "corestore: a write without an event")
	}
	if err := conn.Queue(addAudit, nil, auditRow(&t)...); err != nil {
		return err
	}
	var check func(error) error
	if t.Version == 1 {
		check = store.Taken
	}
	for i := range t.Events {
		row, err := eventRow(&t.Events[i])
		if err != nil {
			return err
		}
		if err := conn.Queue(addEvent, check, row...); err != nil {
			return err
		}
	}
	if err := conn.Queue(addDispatch, nil, dispatchRow(&t)...); err != nil {
		return err
	}
	for _, l := range t.Timeline {
		if err := conn.Queue(addLine, nil, lineRow(&t, l)...); err != nil {
			return err
		}
	}
	if err := follow(conn, &t); err != nil {
		return err
	}
	return setTimers(conn, &t)
}

// follow hands a record's timeline entries to its new owner, so that whoever may see the record may see them.
func follow(conn store.Conn, t *work.Record) error {
	if t.Version == 1 || !slices.Contains(t.Changed, "owner_user") && !slices.Contains(t.Changed, "owner_team") {
		return nil
	}
	return conn.Queue(moveLines, nil, t.Scope.Principal.Tenant, t.Record.ID, store.OrNull(t.OwnerUser), store.OrNull(t.OwnerTeam))
}

var (
	auditColumns = []string{"tenant_id", "id", "at", "op", "action", "entity", "record_id", "version", "actor_kind", "actor_id",
		"purpose", "source_system", "source_ref", "changed"}
	eventColumns = []string{"tenant_id", "id", "kind", "entity", "record_id", "version", "ordinal", "actor_kind", "actor_id",
		"purpose", "at", "changed", "refs", "facts"}
	dispatchColumns = []string{"tenant_id", "id", "entity", "record_id", "version", "at"}
	lineColumns     = []string{"tenant_id", "customer_id", "at", "event_id", "kind", "entity", "record_id", "owner_user", "owner_team"}
)

func auditRow(t *work.Record) []any {
	p := t.Scope.Principal
	return []any{
		p.Tenant, t.Events[0].ID, t.At, t.Op, string(t.Action), t.Record.Entity, t.Record.ID, t.Version, string(p.Kind), p.ID,
		string(t.Scope.Purpose), store.OrNull(t.Scope.Source.System), store.OrNull(t.Scope.Source.Ref), t.Changed,
	}
}

func eventRow(e *event.Event) ([]any, error) {
	refs, err := document(e.Refs, len(e.Refs))
	if err != nil {
		return nil, err
	}
	facts, err := document(e.Facts, len(e.Facts))
	return []any{
		e.Tenant, e.ID, string(e.Kind), e.Record.Entity, e.Record.ID, e.Version, e.Ordinal, string(e.Actor.Kind), e.Actor.ID,
		string(e.Purpose), e.At, e.Changed, refs, facts,
	}, err
}

// document is NULL for what is empty.
func document(v any, size int) (store.JSON, error) {
	if size == 0 {
		return nil, nil
	}
	return json.Marshal(v)
}

func dispatchRow(t *work.Record) []any {
	return []any{t.Scope.Principal.Tenant, t.Events[0].ID, t.Record.Entity, t.Record.ID, t.Version, t.At}
}

func lineRow(t *work.Record, l work.Line) []any {
	e := &t.Events[l.Event]
	return []any{
		e.Tenant, l.Customer, l.At, e.ID, string(e.Kind), e.Record.Entity, e.Record.ID, store.OrNull(t.OwnerUser), store.OrNull(t.OwnerTeam),
	}
}

// Accessed implements [work.Accesses].
func (s *Store) Accessed(_ context.Context, u work.Unit, a work.Accessed) error {
	p := a.Scope.Principal
	return s.db.On(u).Queue(addAccess, nil, p.Tenant, a.ID, a.At, string(p.Kind), p.ID, string(a.Scope.Purpose),
		a.Record.Entity, a.Record.ID, a.Fields)
}
