//go:build !unix

package pluginhost

import (
	"os"
	"os/exec"
	"syscall"
)

const ownSockets = false

func image(_ *os.File, path string) string { return path }

func extraFiles(*os.File) []*os.File { return nil }

func attributes() *syscall.SysProcAttr { return nil }

func bindThread() (release func()) { return func() {} }

// awaitExit reports that the end cannot be told without collecting the process.
func awaitExit(int) (seen bool) { return false }

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
