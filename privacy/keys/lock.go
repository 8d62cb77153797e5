package keys

import (
	"context"
	"os"
	"time"
)

// lockWait is how long a process waits between two looks at a held lock.
const lockWait = 2 * time.Millisecond

// lockFile holds the lock file at path against other processes until the returned function is called. The lock ends
// with the process, whatever ends it; the file itself stays.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for err = ctx.Err(); err == nil; err = pause(ctx) {
		var ok bool
		if ok, err = tryLock(f); ok {
			return func() { f.Close() }, nil //nolint:errcheck // closing ends the lock
		}
		if err != nil {
			break
		}
	}
	f.Close() //nolint:errcheck // nothing was written
	return nil, err
}

func pause(ctx context.Context) error {
	t := time.NewTimer(lockWait)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
