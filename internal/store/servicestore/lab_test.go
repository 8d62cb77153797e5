package servicestore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store/servicestore"
	"github.com/rapport-crm/rapport/service"
)

const tenant = "acme"

// lab is one database with the service on it, and customers who exist by decree. It keeps what the writes record, so
// that events and timers can be seen without an outbox.
type lab struct {
	*dbtest.Lab
	svc   *service.Module
	known directory
	ada   ident.ID // a customer
	scope work.Scope
	tape  *tape
	store *servicestore.Store
	service.Cases
}

func newLab(t testing.TB, b dbtest.Backend) *lab {
	t.Helper()
	l := &lab{Lab: dbtest.NewLab(t, b, dbtest.Entities(service.Kinds())...), ada: ident.New()}
	l.known = directory{l.ada: {l.ada}}
	l.tape = &tape{Recorder: l.Engine.Recorder, timers: map[string]work.Timer{}}
	l.Engine.Recorder = l.tape
	l.store = servicestore.New(b.DB, l.Keys)
	l.Engine.Subjects, l.Engine.Referees = l.known, map[string]work.Referee{"customer": l.known}
	l.svc = service.New(service.Config{Engine: l.Engine, Store: l.store})
	l.scope = work.Scope{Principal: ident.User(tenant, "u-1", "admin").InTeams("emea"), Purpose: personal.Service}
	l.Cases = l.svc.Cases(&l.scope)
	return l
}

func each(t *testing.T, fn func(t *testing.T, l *lab)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) { fn(t, newLab(t, b)) })
}

// open makes a case.
func (l *lab) open(t testing.TB, p service.Priority) service.Case {
	t.Helper()
	cs, err := l.Open(t.Context(), service.CaseDraft{
		Customer: l.ada, Type: service.Complaint, Priority: p, Subject: "Printer smokes", Body: "It smells, too.",
	})
	require.NoError(t, err)
	return cs
}

// fire runs every timer that is due by the lab's clock, as the outbox would, and returns how many there were.
func (l *lab) fire(t testing.TB) int {
	t.Helper()
	due := l.tape.due(l.Now().UnixMicro())
	for _, tm := range due {
		require.NoError(t, l.svc.Fire(t.Context(), l.system(), tm))
	}
	return len(due)
}

func (l *lab) system() work.Scope {
	return work.Scope{Principal: ident.System(tenant, "timers"), Purpose: personal.Service}
}

// tape is a recorder that also remembers the timers and events of committed writes.
type tape struct {
	work.Recorder
	mu     sync.Mutex
	timers map[string]work.Timer
	events []event.Event
	deaf   bool // loses every timer
}

func (r *tape) Record(ctx context.Context, u work.Unit, t work.Record) error {
	err := r.Recorder.Record(ctx, u, t)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, t.Events...)
	for _, tm := range t.Timers {
		if r.deaf {
			continue
		}
		if tm.Due.IsZero() {
			delete(r.timers, tm.Key)
		} else {
			r.timers[tm.Key] = tm
		}
	}
	return nil
}

func (r *tape) due(now int64) (out []work.Timer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, tm := range r.timers {
		if tm.Due.UnixMicro() <= now {
			out = append(out, tm)
			delete(r.timers, key)
		}
	}
	return out
}

// raised counts the events of a kind about a clock of a record.
func (r *tape) raised(id ident.ID, kind event.Kind, clock service.ClockName) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Record.ID == id && e.Kind == kind && e.Facts["clock"] == string(clock) {
			n++
		}
	}
	return n
}

// directory stands in for the customers' module.
type directory map[ident.ID][]ident.ID

func (d directory) Resolve(_ context.Context, _ work.Scope, id ident.ID, _ work.Action) ([]ident.ID, error) {
	if ids, ok := d[id]; ok {
		return ids, nil
	}
	return nil, fault.New(fault.NotFound, "no such customer")
}

func (d directory) Refer(_ context.Context, c *work.Call, id ident.ID) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := d.Resolve(ctx, c.Scope, id, work.Read)
		return err
	}
}

var errState = &fault.Error{Code: fault.Conflict, Reason: "state"}
