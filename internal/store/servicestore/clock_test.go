package servicestore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/service"
)

// watch is the oracle of one clock. It adds up running time, where the product moves due times.
type watch struct {
	target  time.Duration
	elapsed time.Duration
	running bool
	warned  time.Time
	breach  time.Time
}

// pass lets time go by until now.
func (w *watch) pass(from, now time.Time) {
	if !w.running {
		return
	}
	w.cross(&w.warned, w.target*3/4, from, now)
	w.cross(&w.breach, w.target, from, now)
	w.elapsed += now.Sub(from)
}

// cross notes when the running time reached a mark for the first time.
func (w *watch) cross(at *time.Time, mark time.Duration, from, now time.Time) {
	if left := mark - w.elapsed; at.IsZero() && left <= now.Sub(from) {
		*at = from.Add(max(left, 0))
	}
}

// oracle is a whole case: what it must look like after the steps so far.
type oracle struct {
	state    service.State
	priority service.Priority
	now      time.Time
	first    watch
	last     watch
	reopens  int64
	version  int64
}

func newOracle(now time.Time, p service.Priority) *oracle {
	o := &oracle{state: "new", priority: p, now: now, version: 1, first: watch{running: true}, last: watch{running: true}}
	o.aim()
	return o
}

func (o *oracle) aim() {
	first, last := 24*time.Hour, 120*time.Hour
	if o.priority == "urgent" {
		first, last = 4*time.Hour, 48*time.Hour
	}
	if o.first.running {
		o.first.target = first
	}
	if o.state != "resolved" {
		o.last.target = last
	}
}

func (o *oracle) advance(now time.Time) {
	o.first.pass(o.now, now)
	o.last.pass(o.now, now)
	o.now = now
}

// step applies a verb by the table, and reports whether it is allowed.
func (o *oracle) step(verb string) bool {
	to := service.State("")
	if verb == "swap" {
		to = life["update"][index(o.state)]
	} else {
		to = life[verb][index(o.state)]
	}
	if to == "" {
		return false
	}
	if verb == "reply" || verb == "resolve" {
		o.first.running = false
	}
	if verb == "swap" {
		o.priority = map[service.Priority]service.Priority{"urgent": "normal", "normal": "urgent"}[o.priority]
		o.aim()
	}
	if verb == "reopen" && to != o.state {
		o.reopens++
	}
	o.state = to
	o.last.running = to == "new" || to == "open"
	o.advance(o.now) // a shorter target may have been passed already
	return true
}

// compare returns what differs between a case, its events, and the oracle.
func (o *oracle) compare(l *lab, cs service.Case) error {
	var errs []error
	eq := func(what string, want, got any) {
		if want != got {
			errs = append(errs, fmt.Errorf("%s: want %v, have %v", what, want, got))
		}
	}
	eq("state", o.state, cs.State)
	eq("priority", o.priority, cs.Priority)
	eq("reopens", o.reopens, cs.Reopens)
	eq("first warned", o.first.warned, cs.FirstResponseWarnedAt)
	eq("first breached", o.first.breach, cs.FirstResponseBreachedAt)
	eq("last warned", o.last.warned, cs.ResolutionWarnedAt)
	eq("last breached", o.last.breach, cs.ResolutionBreachedAt)
	if o.last.running {
		eq("resolution due", o.now.Add(o.last.target-o.last.elapsed), cs.ResolutionDue)
	}
	if o.first.running {
		eq("response due", o.now.Add(o.first.target-o.first.elapsed), cs.FirstResponseDue)
	}
	for _, x := range []struct {
		at    time.Time
		kind  event.Kind
		clock service.ClockName
	}{
		{o.first.warned, "case.sla_warned", "first_response"}, {o.first.breach, "case.sla_breached", "first_response"},
		{o.last.warned, "case.sla_warned", "resolution"}, {o.last.breach, "case.sla_breached", "resolution"},
	} {
		want := 0
		if !x.at.IsZero() {
			want = 1
		}
		eq(string(x.kind)+" "+string(x.clock), want, l.tape.raised(cs.ID, x.kind, x.clock))
	}
	return errors.Join(errs...)
}

var verbs = []string{"start", "reply", "pause", "resume", "resolve", "close", "reopen", "swap", "wait", "late", "stale"}

// clockLaw plays random steps on one case and compares it with the oracle whenever every due timer has fired. "wait"
// moves the clock and fires timers, "late" moves it and lets them wait, "stale" fires old timers again.
func clockLaw(ctx context.Context, t testing.TB, l *lab, rng *rand.Rand, steps int, seen map[string]int) error {
	p := []service.Priority{service.Urgent, service.Normal}[rng.IntN(2)]
	cs := l.open(t, p)
	o := newOracle(l.Now(), p)
	old := map[string]work.Timer{}
	for n := range steps {
		verb := verbs[rng.IntN(len(verbs))]
		l.tape.keep(old)
		switch verb {
		case "wait", "late":
			o.advance(l.Advance(time.Duration(rng.IntN(40)) * 29 * time.Minute))
			if verb == "wait" {
				l.fire(t)
			}
		case "stale":
			for _, tm := range old {
				if err := l.svc.Fire(ctx, l.system(), tm); err != nil {
					return err
				}
			}
		case "swap":
			other := map[service.Priority]service.Priority{"urgent": "normal", "normal": "urgent"}[o.priority]
			_, err := l.Update(ctx, cs.ID, 0, service.CaseUpdate{Priority: &other})
			if err := allowed(o.step(verb), err); err != nil {
				return fmt.Errorf("step %d %s: %w", n, verb, err)
			}
		default:
			_, err := l.do(t, verb, cs.ID)
			if err := allowed(o.step(verb), err); err != nil {
				return fmt.Errorf("step %d %s: %w", n, verb, err)
			}
		}
		seen[verb]++
		if verb != "wait" && n < steps-1 {
			continue
		}
		l.fire(t)
		got, err := l.Get(ctx, cs.ID)
		if err != nil {
			return err
		}
		if err := o.compare(l, got); err != nil {
			return fmt.Errorf("after step %d %s: %w", n, verb, err)
		}
	}
	return nil
}

func allowed(want bool, err error) error {
	switch {
	case want:
		return err
	case err == nil:
		return errors.New("want a refusal")
	case !errors.Is(err, errState):
		return err
	}
	return nil
}

func TestClocksAgreeWithTheOracle(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		runs := 20
		if l.Name == "sqlite" {
			runs = 150
		}
		seen := map[string]int{}
		for seed := range uint64(runs) {
			require.NoError(t, clockLaw(t.Context(), t, l, rand.New(rand.NewPCG(seed, 1)), 40, seen), "seed %d", seed)
		}
		total := 0
		for _, n := range seen {
			total += n
		}
		for _, v := range verbs {
			require.GreaterOrEqual(t, seen[v]*100, total, "%s occurs in 1 %% of the steps: %v", v, seen)
		}
	})
}

// TestMutantsAreKilled gives the law faulty stores and recorders, each of which it must find out.
func TestMutantsAreKilled(t *testing.T) {
	t.Parallel()

	for name, m := range mutants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			l := newLab(t, dbtest.SQLite(t))
			l.infect(t, m)
			seen := map[string]int{}
			for seed := range uint64(60) {
				if err := clockLaw(t.Context(), t, l, rand.New(rand.NewPCG(seed, 2)), 40, seen); err != nil {
					t.Logf("killed by seed %d: %v", seed, err)
					return
				}
			}
			t.Fatal("the mutant lives")
		})
	}
}

// mutant changes what is saved and what is loaded.
type mutant struct {
	save func(before, after *service.Case)
	load func(cs *service.Case)
	deaf bool // timers are lost
}

var mutants = map[string]mutant{
	"resume keeps the due time": {save: func(b, a *service.Case) {
		if !b.PausedAt.IsZero() && a.PausedAt.IsZero() {
			a.ResolutionDue = b.ResolutionDue
		}
	}},
	"reopening begins afresh": {save: func(b, a *service.Case) {
		if !b.ResolvedAt.IsZero() && a.ResolvedAt.IsZero() {
			a.ResolutionDue = a.StateSince.Add(a.ResolutionTarget)
		}
	}},
	"breach is forgotten":       {load: func(cs *service.Case) { cs.ResolutionBreachedAt = time.Time{} }},
	"warning is forgotten":      {load: func(cs *service.Case) { cs.FirstResponseWarnedAt = time.Time{} }},
	"response never stops":      {save: func(_, a *service.Case) { a.FirstRespondedAt = time.Time{} }},
	"pause stops nothing":       {save: func(_, a *service.Case) { a.PausedAt = time.Time{} }},
	"pause stops both":          {load: func(cs *service.Case) { cs.FirstRespondedAt = later(cs.FirstRespondedAt, cs.PausedAt) }},
	"breach is marked late":     {save: func(b, a *service.Case) { shift(b.ResolutionBreachedAt, &a.ResolutionBreachedAt) }},
	"pending is written open":   {save: func(_, a *service.Case) { a.State = swapState(a.State, "pending", "open") }},
	"priority keeps the target": {save: func(b, a *service.Case) { a.ResolutionTarget = b.ResolutionTarget }},
	"timers are lost":           {deaf: true},
}

func later(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

func shift(before time.Time, after *time.Time) {
	if before.IsZero() && !after.IsZero() {
		*after = after.Add(time.Second)
	}
}

func swapState(st, from, to service.State) service.State {
	if st == from {
		return to
	}
	return st
}

// infect replaces the lab's service by one on a faulty store.
func (l *lab) infect(t testing.TB, m mutant) {
	t.Helper()
	l.tape.deaf = m.deaf
	l.svc = service.New(service.Config{Engine: l.Engine, Store: sick{l.store, m}})
	l.Cases = l.svc.Cases(&l.scope)
}

type sick struct {
	service.Store
	m mutant
}

func (s sick) Cases() work.Store[service.Case] { return sickCases{s.Store.Cases(), s.m} }

type sickCases struct {
	work.Store[service.Case]
	m mutant
}

func (s sickCases) Get(ctx context.Context, c *work.Call, id ident.ID, how work.Fetch) (*service.Case, error) {
	cs, err := s.Store.Get(ctx, c, id, how)
	if err == nil && s.m.load != nil {
		s.m.load(cs)
	}
	return cs, err
}

func (s sickCases) Save(ctx context.Context, c *work.Call, before, after *service.Case) error {
	if before != nil && s.m.save != nil {
		s.m.save(before, after)
	}
	return s.Store.Save(ctx, c, before, after)
}

// keep adds the timers that are set now to a collection of old ones.
func (r *tape) keep(old map[string]work.Timer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(old, r.timers)
}

func TestFireIsForItsOwnTimersOnly(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		cs := l.open(t, service.Urgent)
		for _, key := range []string{"", "x/y/z", cs.ID.String() + "/first_response/boil", cs.ID.String() + "/warn"} {
			err := l.svc.Fire(ctx, l.system(), work.Timer{Kind: service.TimerSLA, Key: key})
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
		gone := work.Timer{Kind: service.TimerSLA, Key: ident.New().String() + "/resolution/breach"}
		require.NoError(t, l.svc.Fire(ctx, l.system(), gone))
		require.Len(t, l.tape.timers, 4)

		l.Advance(48 * time.Hour)
		require.Equal(t, 4, l.fire(t))
		hist, err := l.History(ctx, cs.ID)
		require.NoError(t, err)
		var clocks []string
		for _, e := range hist {
			if e.Kind == service.EntryClock && e.To != "started" {
				clocks = append(clocks, fmt.Sprint(e.Clock, " ", e.To, " ", e.At.Sub(cs.CreatedAt)))
			}
		}
		slices.Sort(clocks)
		require.Equal(t, []string{
			"first_response breached 4h0m0s", "first_response warned 3h0m0s", "resolution breached 48h0m0s", "resolution warned 36h0m0s",
		}, clocks)
		got, err := l.Get(ctx, cs.ID)
		require.NoError(t, err)
		late, err := l.Resolve(ctx, cs.ID, "")
		require.NoError(t, err)
		require.Equal(t, got.ResolutionBreachedAt, late.ResolutionBreachedAt)
		require.Empty(t, l.tape.timers)
	})
}
