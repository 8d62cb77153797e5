//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package keys

import (
	"errors"
	"os"
)

// tryLock refuses on systems without whole-file locks in the standard library: use another KMS there.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
