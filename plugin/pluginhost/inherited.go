//go:build unix

package pluginhost

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ownSockets says that plugins listen on Unix sockets in their private directories.
const ownSockets = true

// inherited returns the highest descriptor of this process that a child would get without asking, 0 for none. Go opens
// nothing so; but what a service manager or a shell has handed to the host, or a C library has opened, is.
func inherited(dir string) int {
	list, err := os.ReadDir(dir)
	if err != nil {
		return 0
	}
	highest := 0
	for _, e := range list {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= highest {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			highest = fd
		}
	}
	return highest
}
