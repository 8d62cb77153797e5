package plugintest

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
)

// Host is a CRM in memory with one tenant and one extension. It is safe for concurrent use.
type Host struct {
	ext plugin.Extension
	m   plugin.Manifest

	mu           sync.Mutex
	now          func() time.Time
	grants       map[string]*grant // by token, while the call runs
	records      map[ident.Ref]plugin.Record
	order        []ident.Ref
	claims       map[ident.ID]claim.Claim
	kv           map[string][]byte
	versions     map[ident.Ref]int64 // of the extension's own records
	consumed     map[ident.ID]bool
	keys         map[string]plugin.Request // the first under each idempotency key
	pending      []event.Event
	emitted      []event.Event
	dead         []Dead
	interactions []plugin.LogInteraction
	disclosed    []plugin.Disclosure
	logs         []string
}

// grant is what one token allows.
type grant struct {
	purpose personal.Purpose
	subject ident.ID
	until   time.Time
	calls   int
	shown   int
}

// Dead is an event that the extension gave up.
type Dead struct {
	Event event.Event // the event, as it happened
	Code  string      // as the extension gave it to plugin.Reject
}

// NewHost starts the extension on a new host and stops it when the test ends. It fails the test when the manifest
// does not validate or the extension does not start.
func NewHost(tb testing.TB, ext plugin.Extension) *Host {
	tb.Helper()
	h := &Host{
		ext: ext, m: ext.Manifest(), now: time.Now, grants: map[string]*grant{}, records: map[ident.Ref]plugin.Record{},
		claims: map[ident.ID]claim.Claim{}, kv: map[string][]byte{}, versions: map[ident.Ref]int64{}, consumed: map[ident.ID]bool{},
		keys: map[string]plugin.Request{},
	}
	if err := h.m.Validate(); err != nil {
		tb.Fatalf("plugintest: manifest: %v", err)
	}
	if err := ext.Start(tb.Context(), h.Connect); err != nil {
		tb.Fatalf("plugintest: start: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := ext.Stop(ctx); err != nil {
			tb.Errorf("plugintest: stop: %v", err)
		}
	})
	return h
}

// SetClock replaces the host's clock, which claims run out by. Defaults to time.Now.
func (h *Host) SetClock(now func() time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

// Add stores a record and returns its reference.
func (h *Host) Add(entity string, fields map[string]plugin.Field) ident.Ref {
	ref := ident.Ref{Entity: entity, ID: ident.New()}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.records[ref] = plugin.NewRecord(ref, 1, fields)
	h.order = append(h.order, ref)
	return ref
}

// Remove takes a record away, as an erasure would.
func (h *Host) Remove(ref ident.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.records, ref)
}

// Happen queues an event as the CRM would after a write, and returns its id. [Host.Drain] delivers it.
func (h *Host) Happen(e event.Event) ident.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue(e)
}

func (h *Host) queue(e event.Event) ident.ID {
	if e.ID.IsZero() {
		e.ID = ident.New()
	}
	e.At = h.now().UTC()
	if _, ok := h.m.Subscription(e.Kind); ok {
		h.pending = append(h.pending, e)
	}
	return e.ID
}

// Connect is what extensions are started with. Tests of hosts may use it alone.
func (h *Host) Connect(token string) plugin.Host { return &bound{h, token} }

// mint makes a token that lives until revoke is called.
func (h *Host) mint(g *grant) (token string, revoke func()) {
	token = rand.Text()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.grants[token] = g
	return token, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.grants, token)
	}
}

// allowed returns what the token allows; h.mu must be held.
func (h *Host) allowed(token string) (*grant, error) {
	g, ok := h.grants[token]
	if !ok || time.Now().After(g.until) {
		f := fault.New(fault.Denied, "the token is unknown or has run out")
		f.Reason = "token"
		return nil, f
	}
	if g.calls++; g.calls > plugin.MaxCalls {
		return nil, spent("calls", plugin.MaxCalls)
	}
	return g, nil
}

func spent(what string, limit int) error {
	f := fault.New(fault.LimitExceeded, "one event or action may use at most %d %s", limit, what)
	f.Reason = what
	return f
}

// Invoke runs an action as a user would and returns its output.
//
// Errors: NotFound for an undeclared action, Invalid for input that does not fit, what the extension returns, and
// Internal with reason "contract" for output that does not fit.
func (h *Host) Invoke(ctx context.Context, action string, in map[string]any) (plugin.Values, error) {
	return h.InvokeOnce(ctx, rand.Text(), action, in)
}

// InvokeOnce is Invoke under an idempotency key: calls with the same key have the same Request.ID.
//
// Errors: those of Invoke, and Conflict with reason "once" for a key that was used for another action or other input.
func (h *Host) InvokeOnce(ctx context.Context, key, action string, in map[string]any) (plugin.Values, error) {
	a, ok := h.m.Action(action)
	if !ok {
		return nil, fault.New(fault.NotFound, "the manifest has no action %q", action)
	}
	input, err := plugin.ValuesOf(in)
	if err != nil {
		return nil, err
	}
	if err := a.CheckInput(input); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.Deadline())
	defer cancel()
	req, err := h.once(key, plugin.Request{ID: ident.New(), Action: action, Input: input})
	if err != nil {
		return nil, err
	}
	token, revoke := h.mint(&grant{purpose: a.Purpose, subject: req.ID, until: time.Now().Add(a.Deadline())})
	defer revoke()
	r, err := h.ext.Invoke(ctx, plugin.Call{Token: token, Request: req})
	if err != nil {
		return nil, err
	}
	if err := a.CheckOutput(r.Output); err != nil {
		f := fault.New(fault.Internal, "the extension's answer does not fit its manifest: %w", err)
		f.Reason = "contract"
		return nil, f
	}
	return r.Output, nil
}

// once returns the first request under a key.
func (h *Host) once(key string, req plugin.Request) (plugin.Request, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first, ok := h.keys[key]
	if !ok {
		h.keys[key] = req
		return req, nil
	}
	if first.Action != req.Action || !maps.EqualFunc(first.Input, req.Input, rule.Value.Equal) {
		f := fault.New(fault.Conflict, "the idempotency key was used for another action or other input")
		f.Reason = "once"
		return req, f
	}
	return first, nil
}

// Pending returns how many events wait for delivery.
func (h *Host) Pending() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending)
}

// Drain delivers until nothing is pending, one event per record at a time. It returns the first error of a delivery,
// or an Unavailable fault with the handler's code as reason when an event was asked for again; what was not
// acknowledged stays pending either way.
func (h *Host) Drain(ctx context.Context) error {
	for {
		batch, revoke := h.next()
		if len(batch) == 0 {
			return nil
		}
		acks, err := h.ext.Deliver(ctx, batch)
		revoke()
		if err != nil {
			return err
		}
		if err := h.settle(acks); err != nil {
			return err
		}
	}
}

// next takes the first pending event of each record.
func (h *Host) next() (batch []plugin.Delivery, revoke func()) {
	h.mu.Lock()
	pending := slices.Clone(h.pending)
	h.mu.Unlock()
	var revokes []func()
	seen := map[ident.Ref]bool{}
	for _, e := range pending {
		if seen[e.Record] || len(batch) == plugin.MaxBatch {
			continue
		}
		seen[e.Record] = true
		s, _ := h.m.Subscription(e.Kind)
		token, revoke := h.mint(&grant{purpose: s.Purpose, subject: e.ID, until: time.Now().Add(30 * time.Second)})
		revokes = append(revokes, revoke)
		batch = append(batch, plugin.Delivery{Token: token, Event: h.project(e, s)})
	}
	return batch, func() {
		for _, r := range revokes {
			r()
		}
	}
}

func (h *Host) project(e event.Event, s plugin.Subscription) plugin.Event {
	out := h.m.Thin(e)
	if len(s.Project) == 0 {
		return out
	}
	q, err := h.m.AllowQuery(plugin.Query{Entity: e.Record.Entity, Fields: s.Project}, s.Purpose)
	if err != nil {
		return out
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if rec, ok := h.records[e.Record]; ok {
		out.Data = h.disclose(rec, q.Fields, s.Purpose, e.ID)
	}
	return out
}

func (h *Host) settle(acks []plugin.Ack) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var again error
	for _, a := range acks {
		i := slices.IndexFunc(h.pending, func(e event.Event) bool { return e.ID == a.Event })
		switch {
		case i < 0:
		case a.Outcome == plugin.Retry:
			f := fault.New(fault.Unavailable, "the extension asks for another delivery")
			f.Reason = a.Word()
			again = f
		case a.Outcome == plugin.Rejected:
			h.dead = append(h.dead, Dead{h.pending[i], a.Word()})
			fallthrough
		default:
			h.pending = slices.Delete(h.pending, i, i+1)
		}
	}
	return again
}

// Dead returns the events that the extension gave up.
func (h *Host) Dead() []Dead { return snapshot(h, &h.dead) }

// Interactions returns what the extension has logged, in order.
func (h *Host) Interactions() []plugin.LogInteraction { return snapshot(h, &h.interactions) }

// Emitted returns the events of the extension's own, in order.
func (h *Host) Emitted() []event.Event { return snapshot(h, &h.emitted) }

// Disclosed returns what the extension was shown, in order.
func (h *Host) Disclosed() []plugin.Disclosure { return snapshot(h, &h.disclosed) }

// Logs returns the lines the extension has logged, as "LEVEL message key=value".
func (h *Host) Logs() []string { return snapshot(h, &h.logs) }

func snapshot[T any](h *Host, list *[]T) []T {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(*list)
}
