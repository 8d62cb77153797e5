//go:build unix && !linux

package pluginhost

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

func image(_ *os.File, path string) string { return path }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func bindThread() (release func()) { return func() {} }

// awaitExit reports that the end cannot be told without collecting the process.
func awaitExit(int) (seen bool) { return false }

func killGroup(cmd *exec.Cmd) { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
