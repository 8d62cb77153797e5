package suite_test

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// A write whose connection breaks leaves nothing and says that the database is not available, or, when the commit was
// already said, that nobody knows whether the write is there. Either way, repeated under its key it succeeds and has taken
// effect once. A soak breaks every statement of every write, a daily run its commit and one more.
func TestAFailureLeavesNothingHalfWritten(t *testing.T) {
	t.Parallel()
	seed := dbtest.Seed(t)
	dbtest.EachChaosOf(t, modules(), func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		w, s := newWorld(t, b), &striker{chaos: c, rand: rand.New(rand.NewPCG(seed, 0))}
		if b.Pool != nil {
			var err error
			w.audit, err = sql.Open("pgx", b.Path)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, w.audit.Close()) })
		}
		methods := 0
		for _, v := range verbs() {
			if v.is == writes || v.is == tends && !v.alone {
				s.strike(w.in(v.name), &v)
				methods++
			}
		}
		t.Logf("%s: %d methods, %d connections broken, %d of them with an unknown end", b.Name, methods, s.struck, s.unknown)
	})
}

// striker breaks connections under methods.
type striker struct {
	chaos           *dbtest.Chaos
	rand            *rand.Rand
	struck, unknown int
	wrote           bool // the last shot did not keep the call from its effect
}

// The ends of transactions, and everything else.
var (
	commits = dbtest.ByName("COMMIT")
	others  = func(sql string) bool { return !dbtest.ByName("COMMIT", "ROLLBACK")(sql) }
)

// strike breaks a method's commit before it takes effect, then other statements, then the commit after it took effect.
func (s *striker) strike(w *world, v *verb) {
	run, key, before := v.arrange(w), w.next(), w.dump()
	call := func() error {
		session := w.s
		if v.is == writes {
			session = w.s.Once(key)
		}
		_, err := run(w.Context(), session)
		return err
	}
	n := s.shoot(w, dbtest.Rule{Match: commits, When: dbtest.Before}, call, before)
	rules := make([]dbtest.Rule, 0, n)
	for _, i := range s.rand.Perm(n)[:min(n, dbtest.Soak(1, n))] {
		rules = append(rules, dbtest.Rule{Match: others, Nth: i + 1, When: dbtest.When(s.rand.IntN(3))})
	}
	if w.Pool != nil { // in SQLite, whose commit has happened also knows it
		rules = append(rules, dbtest.Rule{Match: commits, When: dbtest.LostReply})
	}
	for _, rule := range rules {
		if s.shoot(w, rule, call, before); s.wrote {
			break
		}
	}
	if v.is != writes {
		return
	}
	require.NoError(w, call(), v.name)
	done := w.dump()
	require.NotEqual(w, before["crm_audit"], done["crm_audit"], v.name)
	require.NotEqual(w, before["crm_event"], done["crm_event"], v.name)
	require.NoError(w, call(), "%s repeated", v.name)
	w.requireSame(done, v.name+" repeated")
}

// shoot breaks the connection of a call by a rule and returns how many statements the call has run. A call may also
// succeed: what it only reads is read again on another connection, and it may have fewer statements than the time before.
func (s *striker) shoot(w *world, rule dbtest.Rule, call func() error, before map[string]string) (statements int) {
	rule.KillConn = true
	if w.Pool == nil {
		rule.Err = sql.ErrConnDone // SQLite has no network
	}
	all, f := s.chaos.Inject(dbtest.Rule{Match: others, Nth: math.MaxInt}), s.chaos.Inject(rule)
	err := call()
	s.chaos.Clear()
	if s.struck += f.Fired(); f.Fired() == 0 {
		require.NoError(w, err, w.tenant)
	}
	s.wrote = !maps.Equal(before, w.dump())
	switch {
	case err == nil:
	case w.Pool != nil && errors.Is(err, fault.ErrCommitUnknown):
		s.unknown++
	default:
		msg := fmt.Sprintf("%s, %+v: %v", w.tenant, rule, err)
		require.ErrorIs(w, err, fault.ErrUnavailable, msg)
		require.False(w, s.wrote, msg)
	}
	return all.Seen()
}
