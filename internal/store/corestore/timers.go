package corestore

import (
	"crypto/sha256"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	setTimer = store.Same("corestore.set_timer", `
		INSERT INTO crm_delivery (tenant_id, consumer, event_id, kind, entity, record_id, order_key, version, ordinal,
			due_at, attempts, state, timer_key, last_error)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $9, 0, $7, 0, 'open', $8, '')
		ON CONFLICT (tenant_id, consumer, event_id) DO UPDATE SET entity = excluded.entity, record_id = excluded.record_id,
			order_key = excluded.order_key, version = excluded.version, due_at = excluded.due_at, attempts = 0, lease_until = NULL, lease_id = NULL, state = 'open', last_error = ''`)

	dropTimer = store.Same("corestore.drop_timer", `
		DELETE FROM crm_delivery WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3`)
)

// setTimers puts due work into the queue, where it looks like a delivery to the consumer "timer:" and the kind. The
// instant stands as version too, so that the timers of a record keep their order when one has to be tried again.
// A timer that is set while its handler runs takes the lease away, so that the handler's work is undone and done anew.
func setTimers(conn store.Conn, t *work.Record) error {
	for i := range t.Timers {
		tm := &t.Timers[i]
		if tm.Kind == "" || tm.Key == "" {
			return fault.New(fault.Internal, "corestore: a timer without kind or key")
		}
		tenant, consumer, id := t.Scope.Principal.Tenant, TimerConsumer(tm.Kind), TimerID(tm.Kind, tm.Key)
		var err error
		if tm.Due.IsZero() {
			err = conn.Queue(dropTimer, nil, tenant, consumer, id)
		} else {
			err = conn.Queue(setTimer, nil, tenant, consumer, id, string(tm.Kind), tm.Record.Entity, tm.Record.ID, tm.Due, tm.Key, tm.Due.UnixMicro())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TimerConsumer is the consumer name of timers of a kind.
func TimerConsumer(k event.Kind) string { return "timer:" + string(k) }

// TimerID is the id of a timer in the queue. Equal kinds and keys give equal ids.
func TimerID(k event.Kind, key string) ident.ID {
	sum := sha256.Sum256([]byte(string(k) + "\x00" + key))
	id := ident.ID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8: made by a rule of our own
	id[8] = id[8]&0x3f | 0x80
	return id
}
