package pluginhost_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
	"github.com/rapport-crm/rapport/plugin/plugintest"
)

func TestBadStarts(t *testing.T) {
	t.Parallel()

	for mode, want := range map[string]string{
		"garbage":  "Segmentation fault",
		"half":     "did not start",
		"longline": "did not start",
		"silent":   "not ready in time",
		"absent":   "did not start", // exits without a word
		"panics":   "panic: no configuration",
		"invalid":  "namespace",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()

			cfg := config(t, mode)
			cfg.TempDir = shortDir(t)
			cfg.StartTimeout = 2 * time.Second
			begin := time.Now()
			_, err := pluginhost.Open(t.Context(), cfg)
			require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "start"})
			require.ErrorContains(t, err, want)
			require.Less(t, len(err.Error()), 1000)
			require.Less(t, time.Since(begin), bound)
			left, err := os.ReadDir(cfg.TempDir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestWrongChecksumNeverRuns(t *testing.T) {
	t.Parallel()

	dir := shortDir(t)
	mark, script := filepath.Join(dir, "ran"), filepath.Join(dir, "plugin")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o700)) //nolint:gosec // must be executable
	_, err := pluginhost.Open(t.Context(), pluginhost.Config{Command: []string{script}, SHA256: strings.Repeat("0", 64)})
	require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "checksum"})
	require.NoFileExists(t, mark)

	digest, err := pluginhost.Checksum(script)
	require.NoError(t, err)
	_, err = pluginhost.Open(t.Context(), pluginhost.Config{Command: []string{script}, SHA256: digest})
	require.ErrorIs(t, err, fault.ErrUnavailable)
	require.FileExists(t, mark, "the right checksum does run")
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()

	_, err := pluginhost.Open(t.Context(), pluginhost.Config{Env: []string{"x"}, PingEvery: -1, TempDir: strings.Repeat("d", 60)})
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	var fields []string
	for _, v := range f.Violations {
		fields = append(fields, v.Field)
	}
	require.Subset(t, fields, []string{"Config.Command", "Config.SHA256", "Config.Env", "Config.TempDir", "Config.PingEvery"})
}

func TestChangedExecutableIsNotStartedAgain(t *testing.T) {
	t.Parallel()

	dir := shortDir(t)
	copied := filepath.Join(dir, "plugin")
	data, err := os.ReadFile(self(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, data, 0o700)) //nolint:gosec // must be executable
	cfg := config(t, "serve")
	cfg.Command[0] = copied
	p, h := open(t, cfg)

	require.NoError(t, os.Rename(copied, copied+".old"))
	require.NoError(t, os.WriteFile(copied, append(data, 0), 0o700)) //nolint:gosec // must be executable
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	eventually(t, "quarantined", func() bool { return p.State() == pluginhost.Quarantined })
	_, err = call(t, h, "echo", "x")
	require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "quarantined"})

	require.NoError(t, os.Rename(copied+".old", copied))
	p.Resume()
	eventually(t, "resumed", func() bool { return p.State() == pluginhost.Ready })
	_, err = call(t, h, "echo", "x")
	require.NoError(t, err)
}

func TestChangedManifestIsQuarantined(t *testing.T) {
	t.Parallel()

	cfg := config(t, "changed")
	cfg.Env = []string{"MARK=" + filepath.Join(shortDir(t), "mark")}
	p, _ := open(t, cfg)
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	eventually(t, "quarantined", func() bool { return p.State() == pluginhost.Quarantined })

	cfg = config(t, "serve")
	cfg.ManifestSHA256 = strings.Repeat("0", 64)
	_, err := pluginhost.Open(t.Context(), cfg)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "manifest"})
}

func TestCrashLoopIsQuarantined(t *testing.T) {
	t.Parallel()

	cfg := config(t, "serve")
	cfg.MaxCrashes = 3
	p, _ := open(t, cfg)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), bound)
		require.NoError(t, p.WaitReady(ctx))
		cancel()
		n := p.Restarts()
		require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
		eventually(t, "seen", func() bool { return p.Restarts() > n || p.State() == pluginhost.Quarantined })
	}
	require.Equal(t, pluginhost.Quarantined, p.State())
	require.ErrorIs(t, p.WaitReady(t.Context()), fault.ErrUnavailable)
}

// shortDir is a temporary directory whose path is short enough for sockets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "rt")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

//nolint:paralleltest // it counts what the whole process holds
func TestNothingIsLeftBehind(t *testing.T) {
	cfg := config(t, "serve")
	cfg.TempDir = shortDir(t)
	cycle := func() {
		p, err := pluginhost.Open(t.Context(), cfg)
		require.NoError(t, err)
		h := plugintest.NewHost(t, p)
		require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
		eventually(t, "started again", func() bool { return p.Restarts() == 1 })
		_, err = call(t, h, "echo", "x")
		require.NoError(t, err)
		require.NoError(t, p.Stop(t.Context()))
	}
	cycle()
	fds, routines := descriptors(t), runtime.NumGoroutine()
	for range 6 {
		cycle()
	}
	eventually(t, "descriptors", func() bool { return descriptors(t) <= fds })
	// Waiting costs a few goroutines of its own; a leak would be at least one for each of the six.
	eventually(t, "goroutines", func() bool { return runtime.NumGoroutine() <= routines+4 })
	left, err := os.ReadDir(cfg.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	return len(list)
}

func TestPluginDiesWithItsHost(t *testing.T) {
	t.Parallel()

	digest, err := sum()
	require.NoError(t, err)
	host := exec.Command(self(t), "host", digest) //nolint:gosec // the test binary itself
	out, err := host.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, host.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.True(t, alive(pid))
	require.NoError(t, host.Process.Kill())
	_ = host.Wait()
	eventually(t, "plugin dead", func() bool { return !alive(pid) })
}
