package keys

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"

	"github.com/rapport-crm/rapport/core/fault"
)

// SecretSize is the length in bytes of every secret of a [KMS].
const SecretSize = 32

// Use says what a tenant's secret is for. The two are apart because wrapping keys are replaced over time, while
// digests made from the deriving key must stay comparable for as long as the database lives.
type Use string

// The uses.
const (
	UseWrap   Use = "wrap"   // wraps the keys of subjects
	UseDerive Use = "derive" // derives the keys of digests, cursors and tokens
)

// Secret is one secret of a tenant. Whatever prints it, by fmt, a logger, an encoder or from somebody's unexported
// field, shows no bytes of it.
type Secret struct {
	Epoch uint32 // 1 for the first; a tenant's newest has the greatest

	open func() [SecretSize]byte // as in a personal.Text, a function is what no printer sees into
}

// NewSecret returns the secret of an epoch.
func NewSecret(epoch uint32, bytes [SecretSize]byte) Secret {
	return Secret{epoch, func() [SecretSize]byte { return bytes }}
}

// Bytes returns the secret on purpose; of the zero Secret they are all zero.
func (s Secret) Bytes() [SecretSize]byte {
	if s.open == nil {
		return [SecretSize]byte{}
	}
	return s.open()
}

// IsZero reports whether it is no secret: one without an epoch, or whose bytes are all zero.
func (s Secret) IsZero() bool { return s.Epoch == 0 || s.Bytes() == [SecretSize]byte{} }

// Format hides the secret under every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// MarshalText hides the secret from encoders and loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// KMS keeps the secrets of tenants, apart from the database: who has only the database, or a backup of it, reads no
// sealed value. Implementations must be safe for concurrent use, also by several processes.
//
// A tenant is the host's own string; the empty tenant stands for the installation itself.
type KMS interface {
	// Secret must return the tenant's secret of a use and epoch. Epoch 0 asks for the newest one, which must be
	// made at random and kept durably before it is returned when there is none; concurrent first calls must get the
	// same. Another epoch that is not there, and a store that does not answer, is a fault of code Unavailable.
	Secret(ctx context.Context, tenant string, use Use, epoch uint32) (Secret, error)
}

// Memory is a KMS that forgets everything when the process ends, for tests and demonstrations.
type Memory struct {
	mu      sync.Mutex
	secrets map[string]Secret
}

var _ KMS = (*Memory)(nil)

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{secrets: map[string]Secret{}} }

// Secret implements [KMS]. It knows epoch 1 only.
func (m *Memory) Secret(_ context.Context, tenant string, use Use, epoch uint32) (Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()

	key := string(use) + "\x00" + tenant
	s, ok := m.secrets[key]
	switch {
	case ok && (epoch == 0 || epoch == s.Epoch):
		return s, nil
	case epoch != 0:
		return Secret{}, noSecret(use, epoch)
	}
	s = newSecret(1)
	m.secrets[key] = s
	return s, nil
}

func newSecret(epoch uint32) Secret {
	var b [SecretSize]byte
	rand.Read(b[:])
	return NewSecret(epoch, b)
}

// errKeyMissing is what errors.Is compares with to find a secret that is not there.
var errKeyMissing = &fault.Error{Code: fault.Unavailable, Reason: "key_missing"}

func noSecret(use Use, epoch uint32) error {
	f := fault.New(fault.Unavailable, "there is no %s secret of epoch %d for this tenant: is this the key store that belongs to the database?", use, epoch)
	f.Reason = "key_missing"
	return f
}
