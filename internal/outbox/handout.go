package outbox

import (
	"context"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// handOut turns a batch of a tenant's dispatch rows into deliveries, in one transaction, and returns how many rows
// it took.
func (r *Relay) handOut(ctx context.Context, tenant string) (int, error) {
	taken := 0
	err := r.cfg.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		conn := r.cfg.DB.On(u)
		var rows []dispatchRow
		if err := conn.Select(ctx, takeDispatch, &rows, tenant, r.cfg.Batch); err != nil {
			return err
		}
		for i := range rows {
			if err := r.fanOut(ctx, conn, &rows[i]); err != nil {
				return err
			}
		}
		taken = len(rows)
		return nil
	})
	return taken, err
}

func (r *Relay) fanOut(ctx context.Context, conn store.Conn, d *dispatchRow) error {
	if len(r.cfg.Consumers) > 0 {
		var events []eventRow
		if err := conn.Select(ctx, eventsOf, &events, d.TenantID, d.RecordID, d.Version, d.Entity); err != nil {
			return err
		}
		for i := range events {
			if err := r.address(ctx, conn, &events[i]); err != nil {
				return err
			}
		}
	}
	_, err := conn.Exec(ctx, dropDispatch, d.TenantID, d.ID)
	return err
}

// address reads nothing of the event but what the queue needs: one that cannot be read must not hold up the others.
func (r *Relay) address(ctx context.Context, conn store.Conn, e *eventRow) error {
	for i := range r.cfg.Consumers {
		c := &r.cfg.Consumers[i]
		if !c.wants(event.Kind(e.Kind)) {
			continue
		}
		if _, err := conn.Exec(ctx, addDelivery, e.TenantID, c.Name, e.ID, e.Kind, e.Entity, e.RecordID,
			e.Version, e.Ordinal, r.cfg.Now()); err != nil {
			return err
		}
	}
	return nil
}
