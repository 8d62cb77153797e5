package outbox

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// errLostLease rolls a handler's effects back when its delivery was taken over or moved meanwhile.
var errLostLease = errors.New("outbox: the lease was lost")

// errPanic is what a handler that panicked is said to have returned.
var errPanic = errors.New("outbox: the handler panicked")

// deliver claims a batch of a tenant's due deliveries for one consumer and works through it until quit is closed. It
// returns how many it claimed; failures of handlers are recorded on the delivery and are no error here.
func (r *Relay) deliver(ctx context.Context, quit <-chan struct{}, tenant string, c *Consumer) (n int, err error) {
	lease := r.cfg.NewID()
	claimed, err := r.claim(ctx, tenant, c.Name, lease)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	defer func() {
		if stopped(ctx, quit) {
			err = errors.Join(err, r.release(ctx, lease, claimed))
		}
	}()
	if c.Batch != nil {
		return len(claimed), r.deliverBatch(ctx, tenant, c, lease, claimed)
	}
	for i := range claimed {
		if stopped(ctx, quit) {
			return i, ctx.Err()
		}
		if err := r.deliverOne(ctx, c, lease, &claimed[i]); err != nil {
			return i, err
		}
	}
	return len(claimed), nil
}

// release gives back what was claimed and not ended when the work is stopped, so that nobody waits for the lease.
func (r *Relay) release(ctx context.Context, lease ident.ID, claimed []deliveryRow) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.cfg.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		for i := range claimed {
			d := &claimed[i]
			if _, err := r.cfg.DB.On(u).Exec(ctx, releaseDelivery, d.TenantID, d.Consumer, d.EventID, lease); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Relay) claim(ctx context.Context, tenant, consumer string, lease ident.ID) ([]deliveryRow, error) {
	var rows []deliveryRow
	now := r.cfg.Now()
	err := r.cfg.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		rows = nil
		return r.cfg.DB.On(u).Select(ctx, claimDeliveries, &rows, tenant, consumer, now, now.Add(r.cfg.Lease), lease, r.cfg.Batch)
	})
	slices.SortFunc(rows, func(a, b deliveryRow) int { // a changing statement returns its rows in any order
		return cmp.Or(time.Time(a.DueAt).Compare(time.Time(b.DueAt)), ident.ID(a.EventID).Compare(ident.ID(b.EventID)))
	})
	return rows, err
}

// deliverOne runs a handler in the transaction that ends its delivery.
func (r *Relay) deliverOne(ctx context.Context, c *Consumer, lease ident.ID, d *deliveryRow) error {
	err := r.cfg.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		n, err := r.cfg.DB.On(u).Exec(ctx, endDelivery, d.TenantID, d.Consumer, d.EventID, lease)
		switch {
		case err != nil:
			return err
		case n == 0:
			return errLostLease
		case c.Timer != nil:
			return r.guarded(ctx, d, func() error { return c.Timer(ctx, u, d.TenantID, d.due()) })
		}
		e, err := r.event(ctx, u, d)
		if err != nil {
			return err
		}
		return r.guarded(ctx, d, func() error { return c.Handle(ctx, u, e) })
	})
	if err == nil || errors.Is(err, errLostLease) {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.fail(ctx, c, lease, d, event.Result{Code: codeOf(err)})
}

// guarded turns a handler's panic into a failure, so that one bad event does not end the host's process again and
// again. The value of the panic may be personal and is not logged.
func (r *Relay) guarded(ctx context.Context, d *deliveryRow, handle func() error) (err error) {
	defer func() {
		if recover() != nil {
			r.cfg.Logger.ErrorContext(ctx, "outbox: a handler panicked", slog.String("consumer", d.Consumer),
				slog.String("event", ident.ID(d.EventID).String()), slog.String("stack", string(debug.Stack())))
			err = errPanic
		}
	}()
	return handle()
}

// deliverBatch runs a batch handler outside any transaction and then ends each delivery by its verdict.
func (r *Relay) deliverBatch(ctx context.Context, tenant string, c *Consumer, lease ident.ID, due []deliveryRow) error {
	events, claimed, err := r.readable(ctx, c, lease, due)
	if err != nil || len(claimed) == 0 {
		return err
	}
	results := c.Batch(ctx, tenant, events)
	ctx = context.WithoutCancel(ctx) // the verdicts count even when the work is being stopped
	for i := range claimed {
		res := event.Result{Code: "no_verdict"}
		if i < len(results) {
			res = results[i]
		}
		if res.Verdict != event.Done {
			err = r.fail(ctx, c, lease, &claimed[i], res)
		} else {
			err = r.end(ctx, lease, &claimed[i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readable reads the events of deliveries. Those that cannot be read fail alone and hold up no others.
func (r *Relay) readable(ctx context.Context, c *Consumer, lease ident.ID, due []deliveryRow) (events []event.Event, claimed []deliveryRow, err error) {
	for i := range due {
		e, err := r.event(ctx, nil, &due[i])
		switch code := fault.CodeOf(err); {
		case err == nil:
			events, claimed = append(events, e), append(claimed, due[i])
		case code == fault.Internal || code == fault.NotFound:
			if err := r.fail(ctx, c, lease, &due[i], event.Result{Code: codeOf(err)}); err != nil {
				return nil, nil, err
			}
		default:
			return nil, nil, err
		}
	}
	return events, claimed, nil
}

func (r *Relay) end(ctx context.Context, lease ident.ID, d *deliveryRow) error {
	return r.cfg.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		_, err := r.cfg.DB.On(u).Exec(ctx, endDelivery, d.TenantID, d.Consumer, d.EventID, lease)
		return err
	})
}

// fail puts a delivery back for a later attempt, or makes it a dead letter.
func (r *Relay) fail(ctx context.Context, c *Consumer, lease ident.ID, d *deliveryRow, res event.Result) error {
	state, due, attempts := "open", r.cfg.Now().Add(max(res.After, pause(d.Attempts))), d.Attempts
	switch {
	case res.Verdict == event.Wait:
		attempts--
	case res.Verdict == event.Reject || attempts >= r.cfg.Attempts:
		state = "dead"
	}
	r.cfg.Logger.WarnContext(ctx, "outbox: delivery failed", slog.String("consumer", c.Name), slog.String("kind", d.Kind),
		slog.String("event", ident.ID(d.EventID).String()), slog.Int("attempt", d.Attempts), slog.String("state", state),
		slog.String("code", res.Code))
	return r.cfg.DB.Write(ctx, nil, func(ctx context.Context, u work.Unit) error {
		_, err := r.cfg.DB.On(u).Exec(ctx, failDelivery, d.TenantID, d.Consumer, d.EventID, lease, state, due, res.Code, attempts)
		return err
	})
}

func (r *Relay) event(ctx context.Context, u work.Unit, d *deliveryRow) (event.Event, error) {
	var row eventRow
	if err := r.cfg.DB.On(u).Get(ctx, getEvent, &row, d.TenantID, d.EventID); err != nil {
		return event.Event{}, err
	}
	return row.event()
}

// pause grows from 100 milliseconds by doubling to one hour, with up to half of it random.
func pause(attempt int) time.Duration {
	d := time.Hour
	if attempt < 16 {
		d = min(d, 100*time.Millisecond<<max(attempt-1, 0))
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // spreading retries needs no secrecy
}

// codeOf names a handler's failure without its words, which may hold personal data.
func codeOf(err error) string {
	if errors.Is(err, errPanic) {
		return "panic"
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		if f.Reason != "" {
			return string(f.Code) + ":" + f.Reason
		}
		return string(f.Code)
	}
	return "handler_error"
}
