package claim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

var (
	hall   = []claim.Key{{Namespace: "hall", Key: "A"}, {Namespace: "hall", Key: "B"}, {Namespace: "hall", Key: "C"}, {Namespace: "room", Key: "A"}}
	holder = ident.Ref{Entity: "opportunity", ID: ident.MustParse("0190e6a2-7b1c-7def-8a34-0123456789ab")}
)

// doubled looks at everything that was saved, in order, and returns a key that had two live holders at one instant,
// or "". It reads the claims only, never what the store says about keys.
func doubled(history []moment) string {
	last := map[ident.ID]claim.Claim{}
	for _, h := range history {
		last[h.claim.ID] = h.claim
		owners := map[claim.Key]ident.ID{}
		for id, c := range last {
			if c.State == "released" || c.State == "held" && !c.Until.After(h.at) {
				continue
			}
			for _, k := range c.Keys {
				if o, ok := owners[k]; ok && o != id {
					return k.String()
				}
				owners[k] = id
			}
		}
	}
	return ""
}

// run does steps that choose picks and compares each answer with a plain model: who has a key, and until when.
// It returns what is wrong, or "".
func run(m *memory, steps int, choose func(n int) int, count map[string]int) string {
	r := &runner{m: m, cs: m.as("u-1"), choose: choose, count: count}
	for range steps {
		if wrong := r.step(); wrong != "" {
			return wrong
		}
		if k := doubled(m.history); k != "" {
			return k + " has two live holders"
		}
	}
	return ""
}

type runner struct {
	m      *memory
	cs     claim.Claims
	choose func(n int) int
	count  map[string]int
	want   []*wanted
}

// wanted is what the model believes of a claim.
type wanted struct {
	id       ident.ID
	keys     map[claim.Key]bool
	until    time.Time
	forever  bool
	released bool
}

func (w *wanted) alive(now time.Time) bool {
	return !w.released && (w.forever || now.Before(w.until))
}

// free reports whether nobody but w has one of the keys.
func (r *runner) free(w *wanted, keys map[claim.Key]bool) bool {
	for _, o := range r.want {
		for k := range keys {
			if o != w && o.alive(r.m.clock) && o.keys[k] {
				return false
			}
		}
	}
	return true
}

func (r *runner) pick() (list []claim.Key, set map[claim.Key]bool) {
	set = map[claim.Key]bool{}
	for range 1 + r.choose(2) {
		k := hall[r.choose(len(hall))]
		list, set[k] = append(list, k), true
	}
	return list, set
}

// step does one thing. The words it returns for answers are "ok" and the reasons of conflicts.
func (r *runner) step() string {
	ctx := context.Background()
	verb := r.choose(7)
	if len(r.want) == 0 || verb == 0 {
		verb = 1
	}
	if verb == 2 {
		r.m.advance(time.Duration(r.choose(5)) * 500 * time.Millisecond)
		return ""
	}
	d := time.Duration(1+r.choose(6)) * 500 * time.Millisecond
	if verb == 1 {
		return r.acquire(ctx, d)
	}
	w := r.want[len(r.want)-1-r.choose(min(len(r.want), 4))]
	now, want, name := r.m.clock, "ok", ""
	var err error
	switch {
	case w.released:
		want = "released"
	case !w.alive(now):
		want = "expired"
	}
	switch verb {
	case 3:
		name = "extend"
		if want == "ok" && w.forever {
			want = "committed"
		}
		if _, err = r.cs.Extend(ctx, w.id, d); want == "ok" && now.Add(d).After(w.until) {
			w.until = now.Add(d)
		}
	case 4:
		name = "commit"
		if _, err = r.cs.Commit(ctx, w.id); want == "ok" {
			w.forever = true
		}
	case 5:
		name, want = "release", "ok"
		_, err = r.cs.Release(ctx, w.id)
		w.released = true
	default:
		name = "swap"
		list, set := r.pick()
		if want == "ok" && !r.free(w, set) {
			want = "taken"
		}
		if _, err = r.cs.Swap(ctx, w.id, list); want == "ok" {
			w.keys = set
		}
	}
	return r.answer(name, want, err)
}

func (r *runner) acquire(ctx context.Context, d time.Duration) string {
	list, set := r.pick()
	want := "ok"
	if !r.free(nil, set) {
		want = "taken"
	}
	c, err := r.cs.Acquire(ctx, claim.Request{Keys: list, Holder: holder, For: d})
	if want == "ok" {
		r.want = append(r.want, &wanted{id: c.ID, keys: set, until: r.m.clock.Add(d)})
	}
	return r.answer("acquire", want, err)
}

// answer compares an answer with the model's, then what every key says with what the model believes.
func (r *runner) answer(name, want string, err error) string {
	got := "ok"
	if f, ok := errors.AsType[*fault.Error](err); ok {
		got = f.Reason
	}
	r.count[name+" "+want]++
	if got != want {
		return fmt.Sprintf("%s answers %s, want %s", name, got, want)
	}
	for _, k := range hall {
		var has ident.ID
		for _, w := range r.want {
			if w.alive(r.m.clock) && w.keys[k] {
				has = w.id
			}
		}
		c, ok, err := r.cs.Of(context.Background(), k)
		if err != nil || ok != !has.IsZero() || c.ID != has {
			return fmt.Sprintf("after %s: %s belongs to %s, want %s (%v)", name, k, c.ID, has, err)
		}
	}
	return ""
}

func TestNoKeyHasTwoLiveHolders(t *testing.T) {
	t.Parallel()

	count := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		choose := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
		require.Empty(t, run(newMemory(""), 60, choose, count))
	})
}

// TestTheLawsKill shows that the laws are not empty: within some runs each wrong store breaks one of them, and the
// right store breaks none. It prints how often each kind of answer occurred.
func TestTheLawsKill(t *testing.T) {
	t.Parallel()

	const seed, runs = 20260501, 200
	for _, m := range append([]mutant{""}, mutants...) {
		count, killed := map[string]int{}, ""
		for i := range uint64(runs) {
			if killed = run(newMemory(m), 80, rand.New(rand.NewPCG(seed, i)).IntN, count); killed != "" {
				break
			}
		}
		if m != "" {
			require.NotEmpty(t, killed, "the store that %s survives", m)
			t.Logf("the store that %s: %s", m, killed)
			continue
		}
		require.Empty(t, killed, "seed %d", seed)
		total := 0
		for _, n := range count {
			total += n
		}
		t.Logf("seed %d, %d answers: %v", seed, total, count)
		for _, class := range []string{
			"acquire ok", "acquire taken", "extend ok", "extend expired", "extend committed", "extend released", "commit ok",
			"commit expired", "commit released", "release ok", "swap ok", "swap taken", "swap expired", "swap released",
		} {
			require.GreaterOrEqual(t, count[class]*100, total, "%s is rare", class)
		}
	}
}

// TestManyAtOnce lets users fight for the same keys while the clock runs.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()

	m := newMemory("")
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			ctx, rnd, cs := context.Background(), rand.New(rand.NewPCG(7, i)), m.as(fmt.Sprint("u-", i))
			for range 200 {
				m.advance(time.Duration(rnd.IntN(300)) * time.Millisecond)
				keys := []claim.Key{hall[rnd.IntN(len(hall))], hall[rnd.IntN(len(hall))]}
				c, err := cs.Acquire(ctx, claim.Request{Keys: keys, Holder: holder, For: time.Duration(1+rnd.IntN(2000)) * time.Millisecond})
				if err != nil {
					continue
				}
				switch rnd.IntN(4) {
				case 0:
					_, err = cs.Extend(ctx, c.ID, time.Second)
				case 1:
					_, err = cs.Commit(ctx, c.ID)
				case 2:
					_, err = cs.Swap(ctx, c.ID, []claim.Key{hall[rnd.IntN(len(hall))]})
				}
				if err == nil || fault.CodeOf(err) == fault.Conflict {
					_, err = cs.Release(ctx, c.ID)
				}
				if err != nil {
					t.Errorf("unexpected: %v", err)
				}
			}
		})
	}
	wg.Wait()
	require.Empty(t, doubled(m.history))
	require.Empty(t, m.keys, "all was given back")
}
