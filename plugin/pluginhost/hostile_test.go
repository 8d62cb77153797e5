//go:build linux

package pluginhost_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
)

func TestDescriptorsThatTheHostInheritedStayBehind(t *testing.T) {
	t.Parallel()

	file, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	require.NoError(t, err)
	defer file.Close()
	leak, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD, 150) // as a service manager hands them over: not closed on exec
	require.NoError(t, err)
	defer unix.Close(leak)

	p, h := open(t, config(t, "serve"))
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	eventually(t, "started again", func() bool { return p.Restarts() == 1 })
	fds, err := call(t, h, "fds", "")
	require.NoError(t, err)
	require.NotContains(t, fds, "secret")
	require.NotContains(t, fds, fmt.Sprint(leak, " "))
	require.NotContains(t, fds, ".db")
	require.Contains(t, fds, "0 /dev/null")
}

// The host must not be led to speak to somebody else: a plugin without a network would have one.
func TestHostSpeaksToThePluginOnly(t *testing.T) {
	t.Parallel()

	elsewhere := filepath.Join(shortDir(t), "s")
	sock, err := net.Listen("unix", elsewhere)
	require.NoError(t, err)
	defer sock.Close()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	for _, l := range []net.Listener{sock, tcp} {
		cfg := config(t, "elsewhere")
		cfg.Command = append(cfg.Command, l.Addr().Network()+"|"+l.Addr().String())
		cfg.StartTimeout = 2 * time.Second
		_, err = pluginhost.Open(t.Context(), cfg)
		require.ErrorIs(t, err, fault.ErrUnavailable)
		require.ErrorContains(t, err, "does not listen")
	}
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	t.Parallel()

	dir := shortDir(t)
	fifo, link, script := filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "plain")
	require.NoError(t, unix.Mkfifo(fifo, 0o700))
	require.NoError(t, os.Symlink("/dev/zero", link))
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600))
	for _, path := range []string{fifo, link, dir} {
		_, err := pluginhost.Checksum(path)
		require.ErrorIs(t, err, fault.ErrDenied, path)
	}
	for path, want := range map[string]error{fifo: fault.ErrDenied, link: fault.ErrInvalid, dir: fault.ErrInvalid, script: fault.ErrInvalid, dir + "/none": fault.ErrInvalid} {
		_, err := pluginhost.Open(t.Context(), pluginhost.Config{Command: []string{path}, SHA256: fmt.Sprintf("%064d", 0)})
		require.ErrorIs(t, err, want, path)
	}
}

// An executable that becomes something which cannot be read to its end is found out, and holds up nobody.
func TestExecutableReplacedByAPipe(t *testing.T) {
	t.Parallel()

	copied := filepath.Join(shortDir(t), "plugin")
	data, err := os.ReadFile(self(t))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, data, 0o700)) //nolint:gosec // must be executable
	cfg := config(t, "serve")
	cfg.Command[0] = copied
	p, _ := open(t, cfg)
	require.NoError(t, os.Remove(copied))
	require.NoError(t, unix.Mkfifo(copied, 0o700))
	require.NoError(t, syscall.Kill(p.PID(), syscall.SIGKILL))
	eventually(t, "quarantined", func() bool { return p.State() == pluginhost.Quarantined })
}
