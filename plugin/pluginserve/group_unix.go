//go:build unix

package pluginserve

import "golang.org/x/sys/unix"

// killGroup kills the process group, this process included, if this process leads it: the host starts each plugin in
// a group of its own.
func killGroup() {
	if unix.Getpgrp() == unix.Getpid() {
		_ = unix.Kill(0, unix.SIGKILL)
	}
}
