package outbox

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/internal/store"
)

type tenantRow struct {
	bun.BaseModel `bun:"table:crm_dispatch"`

	TenantID string `bun:"tenant_id"`
}

type dispatchRow struct {
	bun.BaseModel `bun:"table:crm_dispatch"`

	TenantID string   `bun:"tenant_id"`
	ID       store.ID `bun:"id"`
	Entity   string   `bun:"entity"`
	RecordID store.ID `bun:"record_id"`
	Version  int64    `bun:"version"`
}

type eventRow struct {
	bun.BaseModel `bun:"table:crm_event"`

	TenantID  string     `bun:"tenant_id"`
	ID        store.ID   `bun:"id"`
	Kind      string     `bun:"kind"`
	Entity    string     `bun:"entity"`
	RecordID  store.ID   `bun:"record_id"`
	Version   int64      `bun:"version"`
	Ordinal   int        `bun:"ordinal"`
	ActorKind string     `bun:"actor_kind"`
	ActorID   string     `bun:"actor_id"`
	Purpose   string     `bun:"purpose"`
	At        store.Time `bun:"at"`
	Changed   store.JSON `bun:"changed"`
	Refs      store.JSON `bun:"refs"`
	Facts     store.JSON `bun:"facts"`
}

func (r *eventRow) event() (event.Event, error) {
	e := event.Event{
		ID: ident.ID(r.ID), Tenant: r.TenantID, Kind: event.Kind(r.Kind),
		Record:  ident.Ref{Entity: r.Entity, ID: ident.ID(r.RecordID)},
		Version: r.Version, Ordinal: r.Ordinal,
		Actor:   ident.Principal{Tenant: r.TenantID, ID: r.ActorID, Kind: ident.Kind(r.ActorKind)},
		Purpose: personal.Purpose(r.Purpose), At: time.Time(r.At),
	}
	for _, part := range []struct {
		json store.JSON
		dest any
	}{{r.Changed, &e.Changed}, {r.Refs, &e.Refs}, {r.Facts, &e.Facts}} {
		if len(part.json) == 0 {
			continue
		}
		if err := json.Unmarshal(part.json, part.dest); err != nil {
			return e, fault.New(fault.Internal, "event %s cannot be read: %w", e.ID, err)
		}
	}
	return e, nil
}

type deliveryRow struct {
	bun.BaseModel `bun:"table:crm_delivery"`

	TenantID  string     `bun:"tenant_id"`
	Consumer  string     `bun:"consumer"`
	EventID   store.ID   `bun:"event_id"`
	Kind      string     `bun:"kind"`
	Entity    string     `bun:"entity"`
	RecordID  store.ID   `bun:"record_id"`
	Version   int64      `bun:"version"`
	Ordinal   int        `bun:"ordinal"`
	DueAt     store.Time `bun:"due_at"`
	Attempts  int        `bun:"attempts"`
	TimerKey  string     `bun:"timer_key"`
	LastError string     `bun:"last_error"`
}

func (r *deliveryRow) due() Due {
	return Due{
		Kind: event.Kind(strings.TrimPrefix(r.Consumer, TimerPrefix)), Key: r.TimerKey,
		Record: ident.Ref{Entity: r.Entity, ID: ident.ID(r.RecordID)}, At: time.Time(r.DueAt),
	}
}

type backlogRow struct {
	bun.BaseModel `bun:"table:crm_delivery"`

	Dispatch int64 `bun:"dispatch"`
	Due      int64 `bun:"due"`
	Later    int64 `bun:"later"`
	Dead     int64 `bun:"dead"`
}
