package keys

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

const (
	lockExclusive       = 2
	lockFailImmediately = 1
	errLockViolation    = syscall.Errno(33)
	allBytes            = 0xffffffff
)

// tryLock takes the lock of an open file unless somebody holds it.
func tryLock(f *os.File) (bool, error) {
	lockFileEx := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	var place syscall.Overlapped
	r, _, err := lockFileEx.Call(f.Fd(), lockExclusive|lockFailImmediately, 0, allBytes, allBytes, uintptr(unsafe.Pointer(&place)))
	if r != 0 {
		return true, nil
	}
	if errors.Is(err, errLockViolation) || errors.Is(err, syscall.ERROR_IO_PENDING) {
		return false, nil
	}
	return false, err
}
