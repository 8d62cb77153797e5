package outbox

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Letter is a delivery that was given up.
type Letter struct {
	Consumer string     // name of the one it was for
	Event    ident.ID   // the event, or the timer's own id
	Kind     event.Kind // the event's kind
	Record   ident.Ref  // the record it is about
	Attempts int        // how many were made; a wait counts as none
	Code     string     // why the last attempt failed
}

// Backlog counts a tenant's work in the queue.
type Backlog struct {
	Dispatch int64 // writes not yet handed out
	Due      int64 // deliveries and timers due now
	Later    int64 // deliveries waiting for their next attempt, and timers not yet due
	Dead     int64 // dead letters
}

// Dead returns up to limit dead letters of a tenant after an event id, ordered by event id.
func (r *Relay) Dead(ctx context.Context, u work.Unit, tenant string, after ident.ID, limit int) ([]Letter, error) {
	var rows []deliveryRow
	if err := r.cfg.DB.On(u).Select(ctx, deadDeliveries, &rows, tenant, after, limit); err != nil {
		return nil, err
	}
	letters := make([]Letter, len(rows))
	for i := range rows {
		d := &rows[i]
		letters[i] = Letter{
			Consumer: d.Consumer, Event: ident.ID(d.EventID), Kind: event.Kind(d.Kind),
			Record: ident.Ref{Entity: d.Entity, ID: ident.ID(d.RecordID)}, Attempts: d.Attempts, Code: d.LastError,
		}
	}
	return letters, nil
}

// Replay makes a dead letter due again at the given instant, with all its attempts. It returns NotFound for a letter
// that is not dead.
func (r *Relay) Replay(ctx context.Context, u work.Unit, tenant, consumer string, id ident.ID, at time.Time) error {
	n, err := r.cfg.DB.On(u).Exec(ctx, replayDelivery, tenant, consumer, id, at)
	return found(n, err)
}

// Discard removes a dead letter for good. It returns NotFound for a letter that is not dead.
func (r *Relay) Discard(ctx context.Context, u work.Unit, tenant, consumer string, id ident.ID) error {
	n, err := r.cfg.DB.On(u).Exec(ctx, discardDelivery, tenant, consumer, id)
	return found(n, err)
}

// Backlog counts a tenant's work.
func (r *Relay) Backlog(ctx context.Context, u work.Unit, tenant string, now time.Time) (Backlog, error) {
	var row backlogRow
	err := r.cfg.DB.On(u).Get(ctx, openWork, &row, tenant, now)
	return Backlog{Dispatch: row.Dispatch, Due: row.Due, Later: row.Later, Dead: row.Dead}, err
}

func found(n int64, err error) error {
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "no such dead letter")
	}
	return err
}
