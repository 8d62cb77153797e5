package corestore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

var listAudit = store.Split("corestore.audit", auditText("$4"), auditText("$4 + 0"))

// auditText is split because SQLite prepares a statement anew whenever a bare LIMIT argument is bound.
func auditText(limit string) string {
	return `SELECT version, at, op, actor_kind, actor_id, purpose, source_system, source_ref, changed FROM crm_audit
		WHERE tenant_id = $1 AND record_id = $2 AND entity = $3 ORDER BY version DESC LIMIT ` + limit
}

type auditEntry struct {
	Version      int64       `bun:"version"`
	At           store.Time  `bun:"at"`
	Op           string      `bun:"op"`
	ActorKind    string      `bun:"actor_kind"`
	ActorID      string      `bun:"actor_id"`
	Purpose      string      `bun:"purpose"`
	SourceSystem string      `bun:"source_system"`
	SourceRef    string      `bun:"source_ref"`
	Changed      store.Texts `bun:"changed"`
}

// Entries implements [work.Audit].
func (s *Store) Entries(_ context.Context, u work.Unit, tenant string, record ident.Ref, limit int) func(ctx context.Context) ([]work.Entry, error) {
	var rows []auditEntry
	wait := s.db.On(u).SelectLater(listAudit, &rows, tenant, record.ID, record.Entity, limit)
	return func(ctx context.Context) ([]work.Entry, error) {
		err := wait.Wait(ctx)
		return entriesOf(tenant, rows), err
	}
}

// entriesOf turns the rows, newest first, round.
func entriesOf(tenant string, rows []auditEntry) []work.Entry {
	out := make([]work.Entry, len(rows))
	for i, r := range rows {
		out[len(rows)-1-i] = work.Entry{
			Version: r.Version, At: time.Time(r.At), Op: r.Op, Purpose: personal.Purpose(r.Purpose), Changed: r.Changed,
			Actor:  ident.Principal{Tenant: tenant, Kind: ident.Kind(r.ActorKind), ID: r.ActorID},
			Source: personal.Source{System: r.SourceSystem, Ref: r.SourceRef},
		}
	}
	return out
}
