package pluginhost

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// image executes the verified file itself, which extraFiles hands down, whatever its path names by now. A script must
// go by its path: it may look for others beside it.
func image(file *os.File, path string) string {
	var magic [2]byte
	if n, _ := file.ReadAt(magic[:], 0); n == 2 && string(magic[:]) == "#!" {
		return path
	}
	return "/proc/self/fd/3"
}

// extraFiles are the descriptors from 3 on that the process begins with: its executable, and nothing in place of those
// that the host itself has inherited open.
func extraFiles(file *os.File) []*os.File {
	return append([]*os.File{file}, make([]*os.File, max(0, inherited("/proc/self/fd")-3))...)
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
