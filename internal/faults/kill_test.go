package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
)

// victim describes the children of one test: the same work on the same database, again and again.
type victim struct {
	dbtest.Backend
	job    string
	dir    string
	to     ident.ID // whom messages go to
	killed int
}

func newVictim(t *testing.T, b dbtest.Backend, job string) *victim {
	t.Helper()
	return &victim{Backend: b, job: job, dir: t.TempDir()}
}

func (v *victim) keys() string { return filepath.Join(v.dir, "keys") }
func (v *victim) post() string { return filepath.Join(v.dir, "post") }

// house is this process's own way to the children's database, at an instant when all their leases are over.
func (v *victim) house(t *testing.T) *house {
	t.Helper()
	h, err := realHouse(t.Context(), v.Write, v.Read, v.Dialect, v.keys(), 1000*time.Hour)
	require.NoError(t, err)
	h.clock = nil
	return h
}

// kill starts a child, lets it work for a random time after its first word, kills it, and returns its lines.
func (v *victim) kill(t *testing.T, r *rand.Rand, from int) (lines []string) {
	t.Helper()
	v.killed++
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "FAULTS_CHILD="+v.job, "FAULTS_DIALECT="+v.Name, "FAULTS_DSN="+v.Path, "FAULTS_KEYS="+v.keys(),
		"FAULTS_POST="+v.post(), "FAULTS_TO="+v.to.String(), fmt.Sprintf("FAULTS_FROM=%d", from),
		fmt.Sprintf("FAULTS_AHEAD=%dm", 20*v.killed)) // leases of those before are over
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	patience := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer patience.Stop()
	words := bufio.NewScanner(out)
	for words.Scan() {
		if lines = append(lines, words.Text()); len(lines) == 1 {
			time.AfterFunc(time.Duration(r.IntN(60_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	require.ErrorContains(t, err, "killed", stderr.String())
	require.NotEmpty(t, lines)
	return lines
}

// done notes what the children have said for certain.
func done(into map[string]bool, lines []string, word string) {
	for _, l := range lines {
		if name, ok := strings.CutPrefix(l, word+" "); ok {
			into[name] = true
		}
	}
}

// TestKilledWritersLoseAndDoubleNothing kills a process in the middle of its writes, again and again. The next one
// begins with keys that the one before may have used.
func TestKilledWritersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	seed := dbtest.Seed(t)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test must be repeatable
		v := newVictim(t, b, jobWrite)
		h := v.house(t)
		acked := map[string]bool{}
		from := 0
		for range dbtest.Soak(6, 200) {
			done(acked, v.kill(t, r, from), "done")
			for from = 0; acked[fmt.Sprintf("w0-%d", from)] && acked[fmt.Sprintf("w1-%d", from)] && acked[fmt.Sprintf("w2-%d", from)]; from++ {
				continue
			}
		}
		drainReal(t, h)
		names := map[string]int{}
		for _, c := range read(t.Context(), t, v.Write, "SELECT name FROM crm_customer WHERE tenant_id = '"+victims+"'") {
			names[c.text("name")]++
		}
		for name := range acked {
			require.Equal(t, 1, names[name], "acknowledged: %s", name)
		}
		for name, n := range names {
			require.Equal(t, 1, n, name)
		}
		leads := read(t.Context(), t, v.Write, "SELECT id FROM crm_lead WHERE tenant_id = '"+victims+"'")
		require.Len(t, leads, len(names), "both parts of a transaction or none")
		keys := read(t.Context(), t, v.Write, "SELECT key FROM crm_once WHERE tenant_id = '"+victims+"' AND record_id IS NOT NULL")
		require.Len(t, keys, 2*len(names))
		requireSound(t, v.Write, victims)
		t.Logf("%s: %d kills, %d writes acknowledged, %d more found whole; 0 lost, 0 doubled", v.Name, v.killed, len(acked), len(names)-len(acked))
	})
}

// drainReal drains until nothing is left. The server needs a moment to notice that a killed process has gone, and to
// let go of the rows it held.
func drainReal(t *testing.T, h *house) {
	t.Helper()
	require.Eventually(t, func() bool {
		require.NoError(t, h.Drain(t.Context()))
		b, err := h.admin(victims).Outbox.Backlog(t.Context())
		require.NoError(t, err)
		require.Zero(t, b.Dead)
		return b.Dispatch+b.Due+b.Later == 0
	}, 10*time.Minute, 10*time.Millisecond)
}

// TestKilledRelaysHaveTheirEffectsOnce kills a process that hands events to subscribers, whose effects are rows of the
// host's and writes of ours.
func TestKilledRelaysHaveTheirEffectsOnce(t *testing.T) {
	t.Parallel()
	seed := dbtest.Seed(t)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		r := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // a test must be repeatable
		v := newVictim(t, b, jobRelay)
		h := v.house(t)
		early, err := realHouse(t.Context(), v.Write, v.Read, v.Dialect, v.keys(), 0)
		require.NoError(t, err)
		n := 0
		for range dbtest.Soak(4, 100) {
			for range 25 {
				n++
				require.NoError(t, writeOne(t.Context(), early.admin(victims), fmt.Sprint("c-", n)))
			}
			v.kill(t, r, 0)
		}
		before := len(read(t.Context(), t, v.Write, "SELECT event_id FROM "+effects))
		drainReal(t, h)
		requireSound(t, v.Write, victims)
		greetings := read(t.Context(), t, v.Write, "SELECT id FROM crm_interaction WHERE tenant_id = '"+victims+"'")
		require.Len(t, greetings, n, "one greeting for each customer")
		t.Logf("%s: %d kills, %d effects before the last, %d in the end; 0 lost, 0 doubled", v.Name, v.killed, before,
			len(read(t.Context(), t, v.Write, "SELECT event_id FROM "+effects)))
	})
}

// TestKilledSendersNeverSendTwice kills a process in the middle of deliveries. A message whose fate nobody knows is
// reported as that, and not sent again.
func TestKilledSendersNeverSendTwice(t *testing.T) {
	t.Parallel()
	seed := dbtest.Seed(t)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		r := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // a test must be repeatable
		v := newVictim(t, b, jobDeliver)
		h := v.house(t)
		early, err := realHouse(t.Context(), v.Write, v.Read, v.Dialect, v.keys(), -time.Hour)
		require.NoError(t, err)
		s := early.admin(victims)
		ada, err := s.Customers.Create(t.Context(), customer.PersonDraft{Given: "Ada", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}}})
		require.NoError(t, err)
		_, err = s.Consents.Give(t.Context(), privacy.ConsentDraft{
			Subject: ada.ID, Purpose: privacy.Marketing, Channel: privacy.ByEmail, Notice: privacy.NoticeOf("n-1", "We write to you."), Act: privacy.Ticked,
		})
		require.NoError(t, err)
		v.to = ada.ID
		acked, unknown := map[string]bool{}, map[string]bool{}
		from := 0
		for range dbtest.Soak(5, 100) {
			lines := v.kill(t, r, from)
			done(acked, lines, "done")
			done(unknown, lines, "unknown")
			for from = 0; acked[fmt.Sprintf("m-%d", from)] || unknown[fmt.Sprintf("m-%d", from)]; from++ {
				continue
			}
		}
		posted := map[string]int{}
		file, err := os.ReadFile(v.post())
		require.NoError(t, err)
		for _, key := range strings.Fields(string(file)) {
			posted[key]++
		}
		for key, n := range posted {
			require.Equal(t, 1, n, "%s was sent twice", key)
		}
		for key := range acked {
			require.Equal(t, 1, posted[key], key)
		}
		last := fmt.Sprintf("m-%d", from) // the last child's, whose fate this process learns
		again := 0
		_, err = h.admin(victims).Sends.Deliver(context.WithoutCancel(t.Context()), message(last, ada.ID), func(context.Context, personal.Text) error { again++; return nil })
		require.LessOrEqual(t, posted[last]+again, 1, "%v", err)
		for _, row := range read(t.Context(), t, v.Write, "SELECT key, state FROM crm_send WHERE tenant_id = '"+victims+"'") {
			key := row.text("key")
			switch row.text("state") {
			case "delivered":
				require.True(t, acked[key] || key == last, key)
			case "unknown":
				require.True(t, unknown[key] || key == last, key)
			default:
				t.Errorf("%s is %s", key, row.text("state"))
			}
		}
		drainReal(t, h)
		requireSound(t, v.Write, victims)
		t.Logf("%s: %d kills, %d messages delivered, %d reported as unknown; none sent twice", v.Name, v.killed, len(acked), len(unknown))
	})
}
