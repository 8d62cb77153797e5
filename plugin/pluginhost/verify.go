package pluginhost

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"io"
	"os"
	"syscall"

	"github.com/rapport-crm/rapport/core/fault"
)

// Checksum returns the SHA-256 of a file in hexadecimal, for [Config.SHA256].
//
// Errors: NotFound for a file that cannot be read, Denied for what is no regular file.
func Checksum(path string) (string, error) {
	f, err := regular(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	sum, err := digest(f)
	return hex.EncodeToString(sum), err
}

// regular opens a file, and nothing that would let its reader wait or read for ever.
func regular(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fault.Wrap(fault.NotFound, err, "pluginhost: the executable cannot be read")
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		_ = f.Close()
		bad := fault.New(fault.Denied, "the executable is not a regular file, and was not run")
		bad.Field, bad.Reason = "Config.Command", "checksum"
		return nil, bad
	}
	return f, nil
}

func digest(f *os.File) ([]byte, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "pluginhost: the executable cannot be read")
	}
	return h.Sum(nil), nil
}

// verify opens the executable, compares its checksum and returns the open file, so that a file put in its place
// afterwards is not the one that runs.
func verify(path, want string) (*os.File, error) {
	f, err := regular(path)
	if err != nil {
		return nil, err
	}
	sum, err := digest(f)
	if err == nil {
		var expected []byte
		if expected, err = hex.DecodeString(want); err == nil && subtle.ConstantTimeCompare(sum, expected) != 1 {
			bad := fault.New(fault.Denied, "the executable's checksum is %x: it is not the file that was approved, and was not run", sum)
			bad.Field, bad.Reason = "Config.SHA256", "checksum"
			err = bad
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
