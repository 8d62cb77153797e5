package dbtest

import (
	"os/exec"
	"syscall"
)

// dieWithParent asks the kernel to stop the server at once when its parent ends.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr.Pdeathsig = syscall.SIGQUIT }
