//go:build unix

package dbtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// quitSignal makes the server end at once, without waiting for clients.
const quitSignal = syscall.SIGQUIT

// owner is the user the server runs as; nil for the caller's own.
type owner = *syscall.Credential

func runAs(cmd *exec.Cmd, as owner) { cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as} }

// prepareOwner hands dir to the user the server shall run as. PostgreSQL refuses
// to run as root, so root steps down to postgres, or to nobody where there is no
// such user. Anyone else stays who they are: the result is nil.
func prepareOwner(dir string) (owner, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		if err := os.Chown(dir, int(uid), int(gid)); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{}}, nil
	}
	return nil, errors.New("running as root, and neither user postgres nor user nobody exists")
}

// lockDir marks dir as in use until the returned file is closed or the process
// ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // the lock's error is the one to report
		return nil, err
	}
	return f, nil
}

// sweep removes the directories of earlier processes that ended without Stop. A
// young one is left alone: its owner may not have locked it yet.
func sweep(base string) {
	locks, _ := filepath.Glob(filepath.Join(base, "crmpg*", "lock")) // the pattern is well formed
	for _, path := range locks {
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(filepath.Dir(path)) // another sweeper may have been faster
		}
		_ = f.Close() // opened for its lock only
	}
}
