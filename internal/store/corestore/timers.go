package corestore

import (
	"crypto/sha256"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
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
