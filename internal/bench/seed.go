package bench

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/bench/sample"
)

// A timeline is measured on customers with many contacts: talks each, for one customer in busyShare.
const (
	talks     = 40
	busyShare = 200
	maxBusy   = 400
)

// fill makes what the operations of the options need, and statistics of it.
func (w *world) fill(ctx context.Context, o Options) error {
	if err := w.seed(ctx, o.Rows, o.Log); err != nil {
		return err
	}
	for _, part := range []struct {
		op  string
		add func(ctx context.Context, log io.Writer) error
	}{{opTimeline, w.talk}, {opDeals, w.sell}, {opCases, w.complain}} {
		if slices.Contains(o.Ops, part.op) {
			if err := part.add(ctx, o.Log); err != nil {
				return err
			}
		}
	}
	return w.analyze(ctx)
}

// seed fills the database by our own load, tenant by tenant.
func (w *world) seed(ctx context.Context, rows int, log io.Writer) error {
	begin := time.Now()
	done := 0
	for t := range sample.SmallTenants + 1 {
		tenant := fmt.Sprintf("tenant-%d", t)
		opts := &work.LoadOptions{Progress: func(r work.LoadReport) {
			if total := done + r.Rows; total/100_000 != (total-5_000)/100_000 {
				fmt.Fprintf(log, "%s: %d of %d customers loaded, %.0f/s\n", w.dialect, total, rows, float64(total)/time.Since(begin).Seconds())
			}
		}}
		n, err := load(ctx, w.session(w.ours, tenant), w.drafts(0, rows, tenant), opts)
		if err != nil {
			return err
		}
		done += n
	}
	w.rows, w.next = rows, rows
	fmt.Fprintf(log, "%s: %d customers loaded in %.1f s\n", w.dialect, rows, time.Since(begin).Seconds())
	return nil
}

// load loads drafts and takes no faults.
func load(ctx context.Context, s *crm.Session, drafts iter.Seq2[customer.Draft, error], opts *work.LoadOptions) (int, error) {
	rep, err := s.Customers.Load(ctx, drafts, opts)
	if err == nil && len(rep.Faults) > 0 {
		err = fmt.Errorf("bench: %d of %d customers were refused, the first is row %d: %w", len(rep.Faults), rep.Rows, rep.Faults[0].Row, rep.Faults[0].Err)
	}
	return rep.Created, err
}

// drafts yields those of the customers from..to that are the tenant's.
func (w *world) drafts(from, to int, tenant string) iter.Seq2[customer.Draft, error] {
	return func(yield func(customer.Draft, error) bool) {
		for i := from; i < to; i++ {
			if w.people.Tenant(i) == tenant && !yield(w.people.Draft(i), nil) {
				return
			}
		}
	}
}

// sample returns numbers of customers of the big tenant, spread over all of them.
func (w *world) sample(n, shift int) []int {
	var out []int
	for k := 0; len(out) < n && k < w.rows; k++ {
		// A step without a common divisor with the rows meets each once, in no order.
		i := (k*stride(w.rows) + shift) % w.rows
		if w.people.Tenant(i) == sample.BigTenant {
			out = append(out, i)
		}
	}
	return out
}

// stride is about 0.618 of the rows, and prime to them.
func stride(rows int) int {
	for s := rows * 618 / 1000; ; s++ {
		a, b := s, rows
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			return s
		}
	}
}

// resolve returns the ids of customers by number.
func (w *world) resolve(ctx context.Context, numbers []int) ([]ident.ID, error) {
	s := w.session(w.ours, sample.BigTenant)
	ids := make([]ident.ID, len(numbers))
	for k, i := range numbers {
		c, err := s.Customers.ByExt(ctx, w.people.Ext(i))
		if err != nil {
			return nil, err
		}
		ids[k] = c.ID
	}
	return ids, nil
}

// talk gives some customers a history.
func (w *world) talk(ctx context.Context, log io.Writer) error {
	busy, err := w.resolve(ctx, w.sample(min(maxBusy, max(10, w.rows/busyShare)), 0))
	if err != nil {
		return err
	}
	w.busy = busy
	begin := time.Now()
	s := w.session(w.ours, sample.BigTenant)
	// Round by round, so that the contacts of one customer do not lie side by side.
	for round := range talks {
		err := s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
			for _, id := range busy {
				if _, err := s.Interactions.Log(ctx, w.talkAbout(id, round)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "%s: %d contacts logged in %.1f s\n", w.dialect, talks*len(busy), time.Since(begin).Seconds())
	return nil
}

func (w *world) talkAbout(id ident.ID, round int) activity.InteractionDraft {
	channels := []personal.Channel{personal.ByPhone, personal.ByEmail, personal.InPerson}
	return activity.InteractionDraft{
		Channel: channels[round%len(channels)], Direction: activity.Outbound,
		At: time.Now().Add(-time.Duration(talks-round) * 24 * time.Hour), Duration: 7 * time.Minute,
		Subject: "About the spring catalogue", Body: "Asked for a quote for 40 units, delivery in week 23.",
		Outcome: "reached", Participants: []activity.Participant{{Customer: id, Role: "contact"}},
	}
}
