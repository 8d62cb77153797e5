package pluginhost_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
	"github.com/rapport-crm/rapport/plugin/plugintest"
)

// bound is far above what anything here takes, for busy machines.
const bound = 20 * time.Second

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	require.NoError(t, err)
	return path
}

var sum = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return pluginhost.Checksum(path)
})

func config(t *testing.T, mode string) pluginhost.Config {
	t.Helper()
	digest, err := sum()
	require.NoError(t, err)
	return pluginhost.Config{
		Command: []string{self(t), mode}, SHA256: digest, Logger: slog.New(slog.DiscardHandler),
		PingEvery: 50 * time.Millisecond, PingTimeout: 500 * time.Millisecond, PingMisses: 2,
		BackoffMin: time.Millisecond, BackoffMax: 10 * time.Millisecond, WaitReady: bound, MaxCrashes: 100,
	}
}

// open starts the probe under a host in memory.
func open(t *testing.T, cfg pluginhost.Config) (*pluginhost.Process, *plugintest.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	p, err := pluginhost.Open(ctx, cfg)
	require.NoError(t, err)
	return p, plugintest.NewHost(t, p)
}

func call(t *testing.T, h *plugintest.Host, action, text string) (string, error) {
	t.Helper()
	out, err := h.Invoke(t.Context(), "probe__"+action, map[string]any{"text": text})
	return out.Text("text"), err
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, bound, 5*time.Millisecond, what)
}

// alive reports whether a process runs; one that is dead and not yet collected does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

func TestActionCrossesTheWire(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	require.Equal(t, "com.example.probe", p.Manifest().ID)
	require.Equal(t, probe("0.1.0").Manifest().Digest(), p.Manifest().Digest())
	out, err := call(t, h, "echo", "grüße 你好")
	require.NoError(t, err)
	require.Equal(t, "grüße 你好", out)
	require.NotEqual(t, os.Getpid(), p.PID())
	require.Equal(t, pluginhost.Ready, p.State())
}

func TestFaultsCrossTheWire(t *testing.T) {
	t.Parallel()

	_, h := open(t, config(t, "serve"))
	_, err := call(t, h, "refuse", "")
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Gate, f.Code)
	require.Equal(t, "full", f.Reason)
	require.Equal(t, "hall", f.Field)
	require.Equal(t, []fault.Clause{{Rule: "free > 0", Field: "free", Value: "0", Need: "> 0", Outcome: "false"}}, f.Clauses)

	// And from the host to the handler, and back again.
	_, err = h.Invoke(t.Context(), "probe__say", map[string]any{"text": strings.Repeat("x", 500)})
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Invalid, f.Code)
	require.Equal(t, "writes[0].facts.word", f.Field)

	_, err = call(t, h, "foreign", "")
	require.Equal(t, fault.Internal, fault.CodeOf(err))
	require.NotContains(t, err.Error(), "secret")
}

func TestEventsTakeEffectOnceThoughTheProcessDies(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	ada := h.Add("customer", map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text("Ada")}})
	bob := h.Add("customer", map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text("Robert")}})
	h.Happen(event.Event{Kind: "customer.created", Record: ada, Facts: map[string]string{"then": "die"}})
	h.Happen(event.Event{Kind: "customer.created", Record: bob})
	h.Happen(event.Event{Kind: "customer.created", Record: bob})
	before := p.PID()

	eventually(t, "everything delivered", func() bool { return h.Drain(t.Context()) == nil })
	require.Zero(t, h.Pending())
	require.Len(t, h.Emitted(), 3)
	words := map[string]int{}
	for _, e := range h.Emitted() {
		words[e.Facts["word"]]++
	}
	require.Equal(t, map[string]int{"3": 1, "6": 2}, words)
	require.NotEqual(t, before, p.PID())
	require.Equal(t, 1, p.Restarts())
	require.Equal(t, personal.Service, h.Disclosed()[0].Purpose)
}

func TestKilledProcessComesBack(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	for i := range 3 {
		pid := p.PID()
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		eventually(t, "started again", func() bool { return p.Restarts() == i+1 })
		require.NotEqual(t, pid, p.PID())
		out, err := call(t, h, "echo", "here")
		require.NoError(t, err)
		require.Equal(t, "here", out)
	}
}

func TestCallUnderWayFailsTyped(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	_, err := call(t, h, "crash", "")
	require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "plugin_lost"})
	require.NoError(t, p.WaitReady(t.Context()))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = h.Invoke(ctx, "probe__hang", nil)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "deadline"})
	require.NoError(t, p.Stop(ctx), "the handler still hangs")
}

func TestFrozenProcessIsKilled(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	pid := p.PID()
	_, err := call(t, h, "freeze", "")
	require.Equal(t, fault.Unavailable, fault.CodeOf(err))
	eventually(t, "replaced", func() bool { return p.Restarts() == 1 && !alive(pid) })
	out, err := call(t, h, "echo", "thawed")
	require.NoError(t, err)
	require.Equal(t, "thawed", out)
}

func TestFrozenProcessDoesNotHoldUpStop(t *testing.T) {
	t.Parallel()

	cfg := config(t, "serve")
	cfg.PingEvery = time.Hour // Stop comes first
	p, _ := open(t, cfg)
	pid := p.PID()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	require.NoError(t, p.Stop(ctx))
	require.Less(t, time.Since(begin), bound)
	require.False(t, alive(pid))
}

func TestPanicInHandlerKeepsTheProcess(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	pid := p.PID()
	_, err := call(t, h, "panic", "")
	require.ErrorIs(t, err, &fault.Error{Code: fault.Internal, Reason: "panic"})
	require.NotContains(t, err.Error(), "Ada")
	require.Equal(t, pid, p.PID())
	require.Len(t, h.Logs(), 1)
	require.Contains(t, h.Logs()[0], "main_test.go:")
	require.NotContains(t, h.Logs()[0], "Ada")
}

func TestOversizeAnswerIsRefused(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	pid := p.PID()
	_, err := call(t, h, "big", "")
	require.ErrorIs(t, err, fault.ErrLimitExceeded)
	out, err := call(t, h, "echo", "small")
	require.NoError(t, err)
	require.Equal(t, "small", out)
	require.Equal(t, pid, p.PID())
}

func TestOversizeBatchIsRefused(t *testing.T) {
	t.Parallel()

	p, _ := open(t, config(t, "serve"))
	e := plugin.Event{ID: ident.New(), Kind: "customer.created", Facts: map[string]string{"x": strings.Repeat("x", 5<<20)}}
	_, err := p.Deliver(t.Context(), []plugin.Delivery{{Event: e}})
	require.ErrorIs(t, err, fault.ErrLimitExceeded)
}

func TestFloodOfOutput(t *testing.T) {
	t.Parallel()

	var log bytes.Buffer
	var mu sync.Mutex
	cfg := config(t, "serve")
	cfg.Logger = slog.New(slog.NewTextHandler(writer(func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		log.Write(b)
	}), nil))
	p, h := open(t, cfg)
	out, err := call(t, h, "flood", "")
	require.NoError(t, err)
	require.Equal(t, "done", out)
	require.NoError(t, p.Stop(t.Context()))
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, log.String(), "line=")
	require.Less(t, log.Len(), 4<<20)
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func TestNothingOfTheHostIsSeen(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter2")
	t.Setenv("ALLOWED", "yes")
	t.Setenv("MENTIONED", "not")

	cfg := config(t, "serve")
	cfg.Env, cfg.PassEnv = []string{"GIVEN=1"}, []string{"ALLOWED", "ABSENT"}
	_, h := open(t, cfg)
	env, err := call(t, h, "env", "")
	require.NoError(t, err)
	require.NotContains(t, env, "hunter2")
	require.NotContains(t, env, "MENTIONED")
	require.Contains(t, env, "ALLOWED=yes")
	require.Contains(t, env, "GIVEN=1")

	stdin, err := call(t, h, "stdin", "")
	require.NoError(t, err)
	require.Equal(t, "nothing", stdin)

	dir, err := call(t, h, "dir", "")
	require.NoError(t, err)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestChildOfThePluginDiesWithIt(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	text, err := call(t, h, "child", "")
	require.NoError(t, err)
	grandchild, err := strconv.Atoi(text)
	require.NoError(t, err)
	require.True(t, alive(grandchild))
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	eventually(t, "started again", func() bool { return p.Restarts() == 1 })
	eventually(t, "grandchild dead", func() bool { return !alive(grandchild) })
}

func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()

	p, h := open(t, config(t, "serve"))
	pid := p.PID()
	answers := make(chan error, 64)
	for range cap(answers) {
		go func() {
			_, err := h.Invoke(context.Background(), "probe__echo", map[string]any{"text": "x"})
			answers <- err
		}()
	}
	require.NoError(t, <-answers)
	require.NoError(t, p.Stop(t.Context()))
	for range cap(answers) - 1 {
		if err := <-answers; err != nil {
			require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "stopped"})
		}
	}
	require.Equal(t, pluginhost.Stopped, p.State())
	require.False(t, alive(pid))
	require.Zero(t, p.PID())
	require.NoError(t, p.Stop(t.Context()))
	_, err := call(t, h, "echo", "x")
	require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "stopped"})
}
