package boundary

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"strconv"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/plugin"
)

// deliverTime is how long an extension may take over one batch, handleTime over all that the queue hands out at once:
// less than the queue's lease, so that nobody else begins on the same events.
const (
	deliverTime = 30 * time.Second
	handleTime  = 50 * time.Second
)

// maxLosses is how often an extension may die over one event alone before the event is given up. Together with the
// death that made it a suspect, these are fewer than the deaths by which a process is quarantined.
const maxLosses = 3

// Consumer is one extension as a consumer of the outbox.
type Consumer struct {
	Name  string       // durable: "plugin:" and the extension's id
	Kinds []event.Kind // those it subscribes to
	// Handle hands events of one tenant, of different records, to the extension. It must not be called inside a
	// transaction. It returns one event.Result per event.
	Handle func(ctx context.Context, tenant string, es []event.Event) []event.Result
}

// Consumers lists the extensions that subscribe to events.
func (b *Boundary) Consumers() []Consumer {
	var out []Consumer
	for _, m := range b.members {
		if len(m.manifest.Events) == 0 {
			continue
		}
		c := Consumer{Name: "plugin:" + m.manifest.ID}
		for _, s := range m.manifest.Events {
			c.Kinds = append(c.Kinds, s.Kind)
		}
		c.Handle = func(ctx context.Context, tenant string, es []event.Event) []event.Result {
			return b.handle(ctx, m, tenant, es)
		}
		out = append(out, c)
	}
	return out
}

// handle delivers events. Those over which the extension has failed as a whole before come last and go alone, so that
// they take no others along.
func (b *Boundary) handle(ctx context.Context, m *member, tenant string, es []event.Event) []event.Result {
	ctx, cancel := context.WithTimeout(ctx, handleTime)
	defer cancel()
	out := make([]event.Result, len(es))
	var together, alone []int
	for i := range es {
		switch deaths, suspect := m.suspicion(es[i].ID); {
		case deaths >= maxLosses:
			out[i] = event.Result{Verdict: event.Reject, Code: "poison"}
			m.settled(es[i].ID)
		case suspect:
			alone = append(alone, i)
		default:
			together = append(together, i)
		}
	}
	b.handleTogether(ctx, m, tenant, es, together, out)
	for _, i := range alone {
		if t, _ := ctx.Deadline(); time.Until(t) < deliverTime/2 {
			out[i] = event.Result{Verdict: event.Wait, Code: "behind"} // those before it have used up the time
			continue
		}
		out[i] = b.deliver(ctx, m, tenant, es[i:i+1])[0]
	}
	return out
}

func (b *Boundary) handleTogether(ctx context.Context, m *member, tenant string, es []event.Event, together []int, out []event.Result) {
	for len(together) > 0 {
		n := min(len(together), plugin.MaxBatch)
		batch := make([]event.Event, n)
		for j, i := range together[:n] {
			batch[j] = es[i]
		}
		for j, r := range b.deliver(ctx, m, tenant, batch) {
			out[together[j]] = r
		}
		together = together[n:]
	}
}

// deliver cuts events down, hands them over as one batch and words the outcome.
func (b *Boundary) deliver(ctx context.Context, m *member, tenant string, es []event.Event) []event.Result {
	ctx, cancel := context.WithTimeout(ctx, deliverTime)
	defer cancel()
	out := make([]event.Result, len(es))
	var batch []plugin.Delivery
	var sent []int
	for i := range es {
		d, revoke, err := b.prepare(ctx, m, tenant, &es[i])
		if err != nil {
			out[i] = event.Result{Code: "prepare"}
			b.cfg.Logger.WarnContext(ctx, "plugin: an event cannot be prepared", slog.String("plugin", m.manifest.ID), slog.Any("error", err))
			continue
		}
		defer revoke()
		batch, sent = append(batch, d), append(sent, i)
	}
	if len(batch) == 0 {
		return out
	}
	acks, err := m.ext.Deliver(ctx, batch)
	if err != nil {
		if len(batch) > 1 && errors.Is(err, fault.ErrLimitExceeded) {
			return b.oneByOne(ctx, m, tenant, es) // together they are too large
		}
		for _, i := range sent {
			out[i] = m.failed(es[i].ID, err, len(batch) == 1)
		}
		return out
	}
	for j, i := range sent {
		out[i] = m.verdict(es[i].ID, acks, j)
	}
	return out
}

func (b *Boundary) oneByOne(ctx context.Context, m *member, tenant string, es []event.Event) []event.Result {
	out := make([]event.Result, len(es))
	for i := range es {
		out[i] = b.deliver(ctx, m, tenant, es[i:i+1])[0]
	}
	return out
}

// prepare cuts one event down, reads and discloses its projection, and mints its token.
func (b *Boundary) prepare(ctx context.Context, m *member, tenant string, e *event.Event) (d plugin.Delivery, revoke func(), err error) {
	s, _ := m.manifest.Subscription(e.Kind)
	depth, _ := strconv.Atoi(e.Facts[depthFact])
	deadline, _ := ctx.Deadline()
	g := &grant{m: m, tenant: tenant, purpose: s.Purpose, subject: e.ID, kind: e.Kind, depth: depth + 1, deadline: deadline}
	d.Event = m.manifest.Thin(*e)
	if _, ok := d.Event.Facts[depthFact]; ok {
		d.Event.Facts = maps.Clone(d.Event.Facts)
		delete(d.Event.Facts, depthFact)
	}
	if len(s.Project) > 0 {
		if d.Event.Data, err = b.data(ctx, g, e.Record, s.Project); err != nil {
			return d, nil, err
		}
	}
	d.Token, revoke, err = b.mint(ctx, g)
	return d, revoke, err
}

// data reads the event's record as it is now. One that is gone, or may not be seen, is no error.
func (b *Boundary) data(ctx context.Context, g *grant, ref ident.Ref, fields []string) (plugin.Record, error) {
	q, err := g.m.manifest.AllowQuery(plugin.Query{Entity: ref.Entity, IDs: []ident.ID{ref.ID}, Fields: fields}, g.purpose)
	if err != nil {
		return plugin.Record{}, nil //nolint:nilerr // nothing is declared for the entity of this event
	}
	got, err := b.query(ctx, g, q)
	if err != nil || len(got.Items) == 0 {
		return plugin.Record{}, err
	}
	return got.Items[0], nil
}

// verdict words one ack.
func (m *member) verdict(id ident.ID, acks []plugin.Ack, i int) event.Result {
	if i >= len(acks) || acks[i].Event != id {
		m.suspect(id, 0)
		return event.Result{Code: "contract"}
	}
	m.settled(id)
	a := acks[i]
	switch a.Outcome {
	case plugin.OK:
		return event.Result{Verdict: event.Done}
	case plugin.Rejected:
		return event.Result{Verdict: event.Reject, Code: a.Word()}
	case plugin.Retry:
	}
	return event.Result{After: a.After, Code: a.Word()}
}

// failed words the failure of a whole batch. An extension that cannot be reached makes events wait; one that died,
// hung or answered nonsense makes each event of the batch a suspect, and a death counts against an event that was alone.
func (m *member) failed(id ident.ID, err error, alone bool) event.Result {
	f, _ := errors.AsType[*fault.Error](err)
	switch {
	case f == nil:
		m.suspect(id, 0)
		return event.Result{Code: "internal"}
	case f.Code == fault.LimitExceeded:
		return event.Result{Verdict: event.Reject, Code: "message_size"}
	case f.Code == fault.Unavailable && f.Reason != "plugin_lost" && f.Reason != "deadline":
		return event.Result{Verdict: event.Wait, Code: f.Reason}
	case f.Reason == "plugin_lost" && alone:
		m.suspect(id, 1)
	default:
		m.suspect(id, 0)
	}
	return event.Result{Code: f.Reason}
}

// suspicion returns how often the extension has died over an event alone, and whether it has failed over it at all.
func (m *member) suspicion(id ident.ID) (deaths int, suspect bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	deaths, suspect = m.suspects[id]
	return deaths, suspect
}

// suspect remembers that the extension failed over an event, and so many deaths more.
func (m *member) suspect(id ident.ID, deaths int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.suspects) > 10_000 { // forgetting costs one more accident each
		clear(m.suspects)
	}
	m.suspects[id] += deaths
}

func (m *member) settled(id ident.ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.suspects, id)
}
