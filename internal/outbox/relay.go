package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

// Config is what a relay needs. Every field without a default must be set.
type Config struct {
	DB        *store.DB        // where the queue is
	Consumers []Consumer       // who gets events and timers; names must differ
	Now       func() time.Time // the clock, by which leases end and attempts fall due
	NewID     ident.Generator  // makes the leases' ids
	Logger    *slog.Logger     // gets failures, without personal data
	Poll      time.Duration    // pause between looks for work that other processes left
	Lease     time.Duration    // how long a claimed delivery is safe from others. Defaults to 60 seconds
	Attempts  int              // tries before a delivery becomes a dead letter. Defaults to 12
	Batch     int              // deliveries claimed at once. Defaults to 100
}

// Relay moves work through the queue. Its zero value is not usable; [New] makes one. Several relays, in one process
// or in many, may work on one database.
type Relay struct {
	cfg  Config
	mu   sync.Mutex
	wake []chan struct{}
	run  *run // since Start
}

// run is the work between a Start and its Stop.
type run struct {
	quit chan struct{}      // closed: nothing new begins
	cut  context.CancelFunc // ends what is under way
	done sync.WaitGroup
}

// stopped reports whether nothing new may begin. A nil quit is never closed.
func stopped(ctx context.Context, quit <-chan struct{}) bool {
	select {
	case <-quit:
		return true
	default:
		return ctx.Err() != nil
	}
}

// New returns a relay that does nothing until Start or Drain.
func New(cfg Config) *Relay {
	if cfg.Lease == 0 {
		cfg.Lease = time.Minute
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = 12
	}
	if cfg.Batch == 0 {
		cfg.Batch = 100
	}
	return &Relay{cfg: cfg}
}

// Start works in the background until ctx ends or Stop is called: one goroutine hands out, and one per consumer
// delivers, so that a slow consumer holds up nobody else. A second Start without a Stop does nothing.
func (r *Relay) Start(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != nil {
		return
	}
	r.run = &run{quit: make(chan struct{})}
	ctx, r.run.cut = context.WithCancel(ctx)
	quit := r.run.quit
	r.loop(ctx, r.run, handing, func(ctx context.Context, tenant string) (int, error) { return r.handOut(ctx, tenant) })
	for i := range r.cfg.Consumers {
		c := &r.cfg.Consumers[i]
		r.loop(ctx, r.run, delivering, func(ctx context.Context, tenant string) (int, error) { return r.deliver(ctx, quit, tenant, c) })
	}
}

// Stop ends the background work: nothing new begins, and what is under way may finish until ctx ends. Then its context
// is cancelled, and Stop returns without waiting any longer.
func (r *Relay) Stop(ctx context.Context) error {
	r.mu.Lock()
	run := r.run
	r.run, r.wake = nil, nil
	r.mu.Unlock()
	if run == nil {
		return nil
	}
	defer run.cut()
	close(run.quit)
	ended := make(chan struct{})
	go func() { run.done.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wake tells the background that there may be work. It never blocks.
func (r *Relay) Wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.wake {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Drain does everything that is due, in the caller's goroutine, and returns when nothing is. Deliveries that fail
// are left for their next attempt. It may run beside Start.
func (r *Relay) Drain(ctx context.Context) error {
	for {
		n, err := r.round(ctx)
		if err != nil || n == 0 {
			return err
		}
	}
}

func (r *Relay) round(ctx context.Context) (int, error) {
	tenants, err := r.tenants(ctx, handing|delivering)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, t := range tenants {
		for more := true; more; {
			n, err := r.handOut(ctx, t)
			if err != nil {
				return total, err
			}
			total += n
			more = n == r.cfg.Batch
		}
		for i := range r.cfg.Consumers {
			n, err := r.deliver(ctx, nil, t, &r.cfg.Consumers[i])
			if err != nil {
				return total, err
			}
			total += n
		}
	}
	return total, nil
}

// part is a half of the relay's work.
type part uint8

const (
	handing part = 1 << iota
	delivering
)

// maxPause bounds how long the background waits while the database does not answer.
const maxPause = 10 * time.Second

// loop runs one kind of work for every tenant that has some, until ctx ends.
func (r *Relay) loop(ctx context.Context, run *run, what part, step func(ctx context.Context, tenant string) (int, error)) {
	wake := make(chan struct{}, 1)
	r.wake = append(r.wake, wake)
	run.done.Go(func() {
		wait := r.cfg.Poll
		for !stopped(ctx, run.quit) {
			n, err := r.sweep(ctx, run.quit, what, step)
			switch {
			case n > 0 && err == nil:
				wait = r.cfg.Poll
				continue
			case err == nil:
				wait = r.cfg.Poll
			default:
				wait = max(r.cfg.Poll, min(2*wait, maxPause))
			}
			select {
			case <-ctx.Done():
			case <-run.quit:
			case <-wake:
			case <-time.After(wait):
			}
		}
	})
}

// sweep takes turns with the tenants that have work until none has any, or it is time to look for others.
func (r *Relay) sweep(ctx context.Context, quit <-chan struct{}, what part, step func(ctx context.Context, tenant string) (int, error)) (total int, err error) {
	tenants, err := r.tenants(ctx, what)
	for began := time.Now(); len(tenants) > 0; {
		var busy []string
		for _, t := range tenants {
			if stopped(ctx, quit) {
				break
			}
			n, stepErr := step(ctx, t)
			if total += n; n > 0 && stepErr == nil {
				busy = append(busy, t)
			}
			err = errors.Join(err, stepErr)
		}
		if len(busy) > 0 {
			r.Wake()
		}
		if tenants = busy; time.Since(began) >= r.cfg.Poll {
			break
		}
	}
	if err != nil && ctx.Err() == nil {
		r.cfg.Logger.WarnContext(ctx, "outbox: will try again", slog.Any("error", err))
	}
	return total, err
}

func (r *Relay) tenants(ctx context.Context, what part) ([]string, error) {
	var rows []tenantRow
	err := r.cfg.DB.Read(ctx, nil, func(ctx context.Context, u work.Unit) error {
		return r.cfg.DB.On(u).Select(ctx, tenantsDue, &rows, r.cfg.Now(), what&handing != 0, what&delivering != 0)
	})
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].TenantID
	}
	return names, err
}
