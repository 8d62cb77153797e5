package faults_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/outbox"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/store/corestore"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
	"github.com/rapport-crm/rapport/internal/store/pipelinestore"
	"github.com/rapport-crm/rapport/internal/store/pluginstore"
	"github.com/rapport-crm/rapport/internal/store/privacystore"
	"github.com/rapport-crm/rapport/internal/store/servicestore"
	"github.com/rapport-crm/rapport/plugin"
)

// statements is every statement that the product has registered.
func statements() []store.SQL {
	return slices.Concat(corestore.Statements(), customerstore.Statements(), pipelinestore.Statements(), servicestore.Statements(),
		privacystore.Statements(), pluginstore.Statements(), outbox.Statements())
}

// untouched are the statements that the scenario cannot reach, and why.
var untouched = map[string]string{
	"customer.losers":      "no verb merges customers yet",
	"send.lock":            "a send is held by its key",
	"suppression.lock":     "a suppression is held by its address",
	"pipeline.lock":        "a pipeline is held by its key",
	"customer.version":     "the second net under a locked row: its UPDATE never misses",
	"relationship.version": "the second net under a locked row: its UPDATE never misses",
}

// TestEveryStatementMayFail injects every kind of failure into every statement, one for each step of a scenario that
// is played again and again. Each failure ends in success or in a fault that is documented for it; repeated under its
// key the step succeeds; and in the end the database holds what an undisturbed run leaves, once.
func TestEveryStatementMayFail(t *testing.T) {
	t.Parallel()
	dbtest.EachChaos(t, func(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) {
		m := newMatrix(t, b, c)
		seen := m.record(t)
		m.cover(t)
		m.fire(t, plan(rand.New(rand.NewPCG(dbtest.Seed(t), 0)), seen, strikes(t, b.Name)))
	})
}

type matrix struct {
	*house
	name    string
	chaos   *dbtest.Chaos
	fragile *fragile
	plays   int

	shots, struck, retried int
	codes                  map[string]int
}

func newMatrix(t *testing.T, b dbtest.Backend, c *dbtest.Chaos) *matrix {
	t.Helper()
	m := &matrix{name: b.Name, chaos: c, fragile: &fragile{broken: map[string]bool{}}, codes: map[string]int{}}
	m.house = newHouse(t, b, []plugin.Extension{stamper()}, m.fragile.subscriber(), greeter())
	require.NoError(t, m.Start(t.Context()))
	require.NoError(t, m.Stop(t.Context()), "the extension works on, and nothing runs in the background")
	return m
}

// record plays the scenario undisturbed, requires that it leaves what the file says, and returns how often each step
// ran each statement.
func (m *matrix) record(t *testing.T) map[string]map[string]int {
	t.Helper()
	seen := map[string]map[string]int{}
	var mu sync.Mutex
	var at string
	m.chaos.Watch(func(op dbtest.Op, text string) {
		mu.Lock()
		defer mu.Unlock()
		if op != dbtest.OpPrepare && at != "" {
			seen[at][dbtest.StatementName(text)]++
		}
	})
	p := m.begin(t)
	for _, s := range scenario() {
		mu.Lock()
		at = s.name
		require.Nil(t, seen[at], "two steps are called %q", at)
		seen[at] = map[string]int{}
		mu.Unlock()
		p.step = s.name
		m.stage(p, s)
		require.NoError(t, s.run(t.Context(), p), s.name)
	}
	m.chaos.Watch(nil)
	got := m.end(t, p)
	if os.Getenv("FAULTS_WRITE") != "" {
		require.NoError(t, os.WriteFile(left, []byte(got), 0o600))
	}
	require.Equal(t, m.want(t), got, "the scenario leaves something else: read the difference, then run with FAULTS_WRITE=1")
	return seen
}

// left is the file that says what the scenario leaves: read by people, written by a run that people have read.
const left = "testdata/left.txt"

func (m *matrix) want(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(left)
	require.NoError(t, err)
	return string(text)
}

// stage sets up what a step needs from outside.
func (m *matrix) stage(p *play, s step) {
	m.fragile.broken[p.tenant] = true
	_ = s
}

func (m *matrix) begin(t *testing.T) *play {
	t.Helper()
	m.plays++
	return newPlay(t, m.house, fmt.Sprintf("tenant-%d", m.plays))
}

// end lets the queue come to its end and returns what is left.
func (m *matrix) end(t *testing.T, p *play) string {
	t.Helper()
	m.fragile.broken[p.tenant] = false
	dead, err := p.s.Outbox.Dead(t.Context(), [16]byte{})
	require.NoError(t, err)
	for _, l := range dead { // failures of the database are counted as attempts of whoever was at work
		require.NoError(t, p.s.Outbox.Replay(t.Context(), l))
	}
	m.drain(t, p.tenant)
	require.LessOrEqual(t, p.sent["m-1"], 1, "a message was sent twice")
	require.Zero(t, p.sent["m-2"], "a message was sent to one who objects")
	for _, s := range read(t.Context(), t, m.write, "SELECT state FROM crm_send WHERE tenant_id = '"+p.tenant+"' AND key = 'm-1'") {
		if s.text("state") == "delivered" {
			require.Equal(t, 1, p.sent["m-1"])
		}
	}
	books := openBooks(t, m.write, p.tenant)
	lost, doubled := books.faults()
	require.Empty(t, lost, "lost in %s", p.tenant)
	require.Empty(t, doubled, "doubled in %s", p.tenant)
	return books.left(p.names())
}

// cover prints which statements the scenario has run, and requires all but the exceptions.
func (m *matrix) cover(t *testing.T) {
	t.Helper()
	counts := m.chaos.Coverage()
	var missing []string
	total, covered := 0, 0
	for _, q := range statements() {
		text := q.Postgres
		if m.name == "sqlite" {
			text = q.SQLite
		}
		if strings.TrimSpace(text[strings.Index(text, "*/")+2:]) == "" {
			continue // not for this database
		}
		total++
		switch _, excused := untouched[q.Name]; {
		case counts[q.Name] > 0:
			covered++
		case !excused:
			missing = append(missing, q.Name)
		}
	}
	t.Logf("%s: %d of %d statements covered; without: %v", m.name, covered, total, untouched)
	require.Empty(t, missing, "statements that the scenario does not reach")
	if m.name == "sqlite" {
		return
	}
	loads := slices.DeleteFunc(slices.Sorted(maps.Keys(counts)), func(name string) bool { return !strings.HasPrefix(name, "cop") })
	t.Logf("%s: bulk loads: %v", m.name, loads)
	require.NotEmpty(t, loads, "COPY is out of reach")
}

// fire plays the scenario until every shot is fired, or a few times.
func (m *matrix) fire(t *testing.T, shots map[string][]*shot) {
	t.Helper()
	rounds, total := 0, 0
	for _, list := range shots {
		rounds, total = max(rounds, len(list)), total+len(list)
	}
	rounds = min(rounds, dbtest.Soak(3, rounds))
	for round := range rounds {
		p := m.begin(t)
		var story []string
		for _, s := range scenario() {
			var at *shot
			if list := shots[s.name]; round < len(list) {
				at = list[round]
			}
			p.step = s.name
			m.stage(p, s)
			story = append(story, m.perform(t, p, s, at))
		}
		require.Equal(t, m.want(t), m.end(t, p), "round %d:\n%s", round, strings.Join(story, "\n"))
	}
	t.Logf("%s: %d of %d injections in %d rounds, %d struck, %d steps repeated; faults %v; 0 lost, 0 doubled",
		m.name, m.shots, total, rounds, m.struck, m.retried, m.codes)
}

// perform runs one step under a shot and repeats it until it succeeds. It returns what happened in a line.
func (m *matrix) perform(t *testing.T, p *play, s step, at *shot) string {
	t.Helper()
	if at == nil {
		require.NoError(t, s.run(t.Context(), p), s.name)
		return s.name
	}
	f := m.chaos.Inject(at.rule())
	err := s.run(t.Context(), p)
	m.chaos.Clear()
	m.shots++
	m.struck += f.Fired()
	line := fmt.Sprintf("%s: %s: %v", s.name, at, err)
	if err == nil {
		return line
	}
	require.True(t, at.may(err), "an undocumented fault: %s", line)
	m.codes[string(fault.CodeOf(err))]++
	m.retried++
	require.NoError(t, s.run(context.WithoutCancel(t.Context()), p), "repeated after %s", line)
	return line
}
