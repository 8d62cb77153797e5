package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// image executes the verified file itself, whatever its path names by now. A script must go by its path, since its
// interpreter opens it again.
func image(file *os.File, path string) string {
	var magic [2]byte
	if n, _ := file.ReadAt(magic[:], 0); n == 2 && string(magic[:]) == "#!" {
		return path
	}
	return fmt.Sprintf("/proc/self/fd/%d", file.Fd())
}

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func bindThread() (release func()) {
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// awaitExit returns when the process has ended and before it is collected.
func awaitExit(pid int) (seen bool) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return err == nil
		}
	}
}

func killGroup(cmd *exec.Cmd) { _ = unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
