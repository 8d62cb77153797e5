package servicestore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

type entryRow struct {
	CaseID    store.ID   `bun:"case_id"`
	Version   int64      `bun:"version"`
	Ordinal   int64      `bun:"ordinal"`
	ID        store.ID   `bun:"id"`
	At        store.Time `bun:"at"`
	Kind      string     `bun:"kind"`
	FromValue string     `bun:"from_value"`
	ToValue   string     `bun:"to_value"`
	Clock     string     `bun:"clock"`
	Due       store.Time `bun:"due"`
	Note      []byte     `bun:"note"`
	ActorKind string     `bun:"actor_kind"`
	ActorID   string     `bun:"actor_id"`
	Wrapped   []byte     `bun:"wrapped"`
}

var (
	entryColumns = []string{
		"tenant_id", "case_id", "version", "ordinal", "id", "at", "kind", "from_value", "to_value", "clock", "due", "note",
		"actor_kind", "actor_id",
	}
	insertEntry = store.Same("service.insert_case_entry", store.InsertText("crm_case_entry", entryColumns))
	getEntries  = store.Same("service.case_entries", "SELECT "+store.Qualified("e", entryColumns[1:])+`, k.wrapped
		FROM crm_case_entry e LEFT JOIN crm_subject_key k ON k.tenant_id = e.tenant_id AND k.subject_id = $3
		WHERE e.tenant_id = $1 AND e.case_id = $2 ORDER BY e.version, e.ordinal`)
)

// sealer seals the texts of one write, and gets the customer's key for the first of them.
type sealer struct {
	store    *Store
	call     *work.Call
	customer ident.ID
	key      keys.Key
	err      error
}

func (x *sealer) text(ctx context.Context, at keys.Place, t personal.Text) []byte {
	if x.err != nil || t.IsZero() {
		return nil
	}
	if x.key.IsZero() {
		x.key, x.err = x.store.keys.Subject(ctx, x.call.Unit, x.call.Tenant(), x.customer, true)
	}
	if x.err != nil {
		return nil
	}
	var out []byte
	out, x.err = seal(x.key, at, t)
	return out
}

func (s *Store) append(ctx context.Context, c *work.Call, sealed *sealer, log []service.Entry) error {
	conn := s.on(c)
	for i := range log {
		e := &log[i]
		note := sealed.text(ctx, noteOf(e.ID), e.Note)
		if sealed.err != nil {
			return sealed.err
		}
		if _, err := conn.Exec(ctx, insertEntry, c.Tenant(), e.Case, e.Version, e.Ordinal, e.ID, e.At, e.Kind,
			store.OrNull(e.From), store.OrNull(e.To), store.OrNull(string(e.Clock)), e.Due, note,
			e.Actor.Kind, e.Actor.ID); err != nil {
			return err
		}
	}
	return nil
}

// Entries implements [service.Store].
func (s *Store) Entries(ctx context.Context, c *work.Call, cs *service.Case) ([]service.Entry, error) {
	if err := s.warm(ctx, c); err != nil {
		return nil, err
	}
	var list []entryRow
	if err := s.on(c).Select(ctx, getEntries, &list, c.Tenant(), cs.ID, cs.Customer); err != nil {
		return nil, err
	}
	out := make([]service.Entry, len(list))
	var open *keys.Openers
	for i := range list {
		r := &list[i]
		if open == nil {
			open = s.keys.Openers(c.Tenant(), r.Wrapped, cs.Customer)
		}
		id := ident.ID(r.ID)
		out[i] = service.Entry{
			ID: id, Case: ident.ID(r.CaseID), Version: r.Version, Ordinal: r.Ordinal, At: time.Time(r.At),
			Kind: service.EntryKind(r.Kind), From: r.FromValue, To: r.ToValue, Clock: service.ClockName(r.Clock),
			Due: time.Time(r.Due), Note: unseal(open, noteOf(id), r.Note),
			Actor: ident.Principal{Tenant: c.Tenant(), Kind: ident.Kind(r.ActorKind), ID: r.ActorID},
		}
	}
	return out, nil
}
