package keys

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
)

// keyFormat is the first member of a key file, so that a later format is told apart.
const keyFormat = "rapport-keys-1"

// File is a [KMS] over one small file, readable by its owner alone (0600). It suits an embedded database on one
// machine: the file lies beside the database but is backed up apart from it. Whoever holds both reads everything,
// and without the file nobody reads a sealed value ever again.
//
// The file is replaced as a whole (written aside, synced, renamed), under a lock file of the same name with ".lock"
// appended, so processes that meet a new tenant at the same time agree on its secrets and a crash leaves the old
// file or the new one. When the file is lost or replaced by another while its keys are in use, nothing is added to what
// is there. A File is safe for concurrent use.
type File struct {
	path string
	mu   sync.Mutex
	have map[slot]Secret
}

type slot struct {
	tenant string
	use    Use
	epoch  uint32
}

var _ KMS = (*File)(nil)

type keyFile struct {
	Format string     `json:"format"`
	Keys   []keyEntry `json:"keys"`
}

type keyEntry struct {
	Tenant string    `json:"tenant"`
	Use    Use       `json:"use"`
	Epoch  uint32    `json:"epoch"`
	Secret []byte    `json:"secret"`
	Made   time.Time `json:"made"`
}

// OpenFile returns a KMS over the file at path, or that to which a link at path leads. A file that is not there yet is
// made with the first secret; its directory must exist.
//
// Errors: Invalid of field "keys" for a file that others than its owner may read or that is not a key file;
// Unavailable when it cannot be read.
func OpenFile(path string) (*File, error) {
	if to, err := filepath.EvalSymlinks(path); err == nil { // replacing the link would leave the file behind
		path = to
	}
	k := &File{path: path}
	have, _, err := k.read()
	if err != nil {
		return nil, fault.At("keys: open key file", err)
	}
	k.have = have
	return k, nil
}

// Path returns where the file is.
func (k *File) Path() string { return k.path }

// Secret implements [KMS].
func (k *File) Secret(ctx context.Context, tenant string, use Use, epoch uint32) (Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()

	if s, ok := find(k.have, tenant, use, epoch); ok {
		return s, nil
	}
	s, err := k.load(ctx, tenant, use, epoch)
	return s, fault.At("keys: read key file", err)
}

// load looks again in the file, which another process may have written, and makes a first secret under the lock.
func (k *File) load(ctx context.Context, tenant string, use Use, epoch uint32) (Secret, error) {
	unlock, err := lockFile(ctx, k.path+".lock")
	if err != nil {
		return Secret{}, fault.Wrap(fault.Unavailable, err, "cannot lock the key file")
	}
	defer unlock()

	have, entries, err := k.read()
	if err != nil {
		return Secret{}, err
	}
	if err := k.lost(have); err != nil {
		return Secret{}, err
	}
	k.have = have
	if s, ok := find(have, tenant, use, epoch); ok {
		return s, nil
	}
	if epoch != 0 {
		return Secret{}, noSecret(use, epoch)
	}
	s := newSecret(1)
	b := s.Bytes()
	entries = append(entries, keyEntry{tenant, use, s.Epoch, b[:], time.Now().UTC().Truncate(time.Second)})
	if err := replaceFile(k.path, keyFile{keyFormat, entries}); err != nil {
		return Secret{}, fault.Wrap(fault.Unavailable, err, "cannot write the key file")
	}
	k.have[slot{tenant, use, s.Epoch}] = s
	return s, nil
}

func find(have map[slot]Secret, tenant string, use Use, epoch uint32) (Secret, bool) {
	if epoch != 0 {
		s, ok := have[slot{tenant, use, epoch}]
		return s, ok
	}
	// Epochs have no gaps at the top: rotation only ever adds the next one.
	best, ok := have[slot{tenant, use, 0}], false
	for at, s := range have {
		if at.tenant == tenant && at.use == use && s.Epoch > best.Epoch {
			best, ok = s, true
		}
	}
	return best, ok
}

// lost refuses a file that has not what is in use: with a new secret in it, it would look like the right one, and the
// next start would find that it is not. An old epoch may be taken out, once a newer one is there.
func (k *File) lost(now map[slot]Secret) error {
	for at, s := range k.have {
		newest, ok := find(now, at.tenant, at.use, 0)
		if same, kept := now[at]; !ok || newest.Epoch < at.epoch || kept && same.Bytes() != s.Bytes() {
			f := fault.New(fault.Unavailable, "%s has not the keys that are in use: it was lost or replaced, restore it from its backup before this process ends", k.path)
			f.Reason = "keys_lost"
			return f
		}
	}
	return nil
}

// read returns what the file holds; a file that is not there holds nothing.
func (k *File) read() (map[slot]Secret, []keyEntry, error) {
	have := map[slot]Secret{}
	f, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return have, nil, nil
	}
	if err != nil {
		return nil, nil, fault.Wrap(fault.Unavailable, err, "cannot open the key file")
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if err := k.checkMode(f); err != nil {
		return nil, nil, err
	}
	var doc keyFile
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Unavailable, err, "cannot read the key file")
	}
	if json.Unmarshal(text, &doc) != nil || doc.Format != keyFormat {
		return nil, nil, fault.Field("keys", "%s is not a key file of format %s: restore it from its backup", k.path, keyFormat)
	}
	for i, e := range doc.Keys {
		at := slot{e.Tenant, e.Use, e.Epoch}
		if _, twice := have[at]; twice || len(e.Secret) != SecretSize || e.Epoch == 0 {
			return nil, nil, fault.Field("keys", "entry %d of %s is damaged or there twice: restore the file from its backup", i+1, k.path)
		}
		have[at] = NewSecret(e.Epoch, [SecretSize]byte(e.Secret))
	}
	return have, doc.Keys, nil
}

func (k *File) checkMode(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot inspect the key file")
	}
	if !st.Mode().IsRegular() {
		return fault.Field("keys", "%s is not a regular file", k.path)
	}
	if mode := st.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return fault.Field("keys", "%s can be read or changed by others than its owner (mode %04o): run chmod 600 on it, and treat its keys as known to them", k.path, mode)
	}
	return nil
}

// replaceFile writes v aside and renames it over path, synced, so that path always holds a whole file.
func replaceFile(path string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // CreateTemp makes files of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone after the rename
	_, err = tmp.Write(append(b, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename durable where directories can be synced.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
