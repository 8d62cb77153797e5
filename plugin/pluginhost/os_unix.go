//go:build unix && !linux

package pluginhost

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func image(_ *os.File, path string) string { return path }

// extraFiles are the descriptors from 3 on that the process begins with: none, also of those that the host itself has
// inherited open.
func extraFiles(*os.File) []*os.File { return make([]*os.File, max(0, inherited("/dev/fd")-2)) }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func bindThread() (release func()) { return func() {} }

// awaitExit reports that the end cannot be told without collecting the process.
func awaitExit(int) (seen bool) { return false }

func killGroup(cmd *exec.Cmd) { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
