package keys

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"hash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// BlindSize is the length in bytes of a blind index value.
const BlindSize = 16

// Store keeps the wrapped keys of subjects, one row each. Deleting a row makes every sealed value of the
// subject unreadable. One row of each tenant belongs to no subject but to [Ring.Prove].
type Store interface {
	// SubjectKey must return the wrapped key of a subject; ok is false when there is none.
	SubjectKey(ctx context.Context, u work.Unit, tenant string, subject ident.ID) (wrapped []byte, ok bool, err error)
	// AddSubjectKey must store the key unless the subject has one, and report whether it did. It must not fail
	// when another transaction adds one at the same time.
	AddSubjectKey(ctx context.Context, u work.Unit, tenant string, subject ident.ID, epoch uint32, wrapped []byte, at time.Time) (added bool, err error)
	// NewSubjectKey must store the key of a subject that has none; for another one the write on the unit must fail with
	// taken. It may be queued on the unit.
	NewSubjectKey(u work.Unit, tenant string, key Key, at time.Time, taken error) error
}

// Ring seals and opens personal values. Below the tenant's secrets in the [KMS] each subject has a random key of
// its own, stored wrapped by the tenant's; values are sealed by the subject's key with AES-256-GCM (Tink), bound to
// the place where they lie: moved to another tenant, subject, table, column or row they do not open.
//
// Secrets of a tenant are kept in memory from first use to the end of the process. A Ring is safe for
// concurrent use.
type Ring struct {
	kms     KMS
	store   Store
	now     func() time.Time
	tenants sync.Map // tenant → *tenantKeys
}

// tenantKeys holds what one tenant's secrets give. Only its caches change.
type tenantKeys struct {
	epoch   uint32               // newest
	wraps   map[uint32]tink.AEAD // by epoch
	root    []byte               // what other keys are derived from
	derived sync.Map             // label → [SecretSize]byte
	blinds  sync.Map             // index → *sync.Pool of hash.Hash
	proven  atomic.Bool          // a stored key opened
}

// NewRing returns a Ring over a KMS and a store of subject keys. now stamps new keys; nil means [time.Now].
func NewRing(kms KMS, store Store, now func() time.Time) *Ring {
	if now == nil {
		now = time.Now
	}
	return &Ring{kms: kms, store: store, now: now}
}

// Warm loads a tenant's secrets, so that openers of the tenant work. It costs a map look-up when they are loaded.
// Readers call it once before they load rows with sealed values.
//
// Errors: Unavailable when the KMS does not answer.
func (k *Ring) Warm(ctx context.Context, tenant string) error {
	_, err := k.tenant(ctx, tenant)
	return err
}

// Derive returns a key for one use, named by its label, such as "cursor". Equal tenants and labels give equal keys
// for ever; keys of different labels or tenants tell nothing about each other. The empty tenant stands for the
// installation.
//
// Errors: Unavailable when the KMS does not answer.
func (k *Ring) Derive(ctx context.Context, tenant, label string) ([SecretSize]byte, error) {
	t, err := k.tenant(ctx, tenant)
	if err != nil {
		return [SecretSize]byte{}, err
	}
	return t.derive(label)
}

// Blind returns the digest under which a sealed value is found again: equal values of one tenant and index have
// equal digests. The caller normalizes the value first. Who has the database without the KMS can neither compute
// nor test digests; they see which rows are equal.
//
// Errors: Unavailable when the KMS does not answer.
func (k *Ring) Blind(ctx context.Context, tenant, index, value string) ([]byte, error) {
	t, err := k.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	pool, ok := t.blinds.Load(index)
	if !ok {
		key, err := t.derive("blind/" + index)
		if err != nil {
			return nil, err
		}
		pool, _ = t.blinds.LoadOrStore(index, &sync.Pool{New: func() any { return hmac.New(sha256.New, key[:]) }})
	}
	h := pool.(*sync.Pool).Get().(hash.Hash) //nolint:forcetypeassert // blinds holds pools of hashes
	h.Reset()
	h.Write([]byte(value))
	var sum [sha256.Size]byte
	out := h.Sum(sum[:0])[:BlindSize:BlindSize]
	pool.(*sync.Pool).Put(h) //nolint:forcetypeassert // as above
	return out, nil
}

func (t *tenantKeys) derive(label string) ([SecretSize]byte, error) {
	if v, ok := t.derived.Load(label); ok {
		return v.([SecretSize]byte), nil //nolint:forcetypeassert // derived holds nothing else
	}
	b, err := hkdf.Key(sha256.New, t.root, nil, "rapport/"+label, SecretSize)
	if err != nil {
		return [SecretSize]byte{}, fault.Wrap(fault.Internal, err, "cannot derive a key")
	}
	key := [SecretSize]byte(b)
	t.derived.Store(label, key)
	return key, nil
}

// tenant returns the tenant's keys, from memory once they were loaded. Concurrent first calls may ask the KMS
// twice; it gives both the same.
func (k *Ring) tenant(ctx context.Context, tenant string) (*tenantKeys, error) {
	if t, ok := k.tenants.Load(tenant); ok {
		return t.(*tenantKeys), nil //nolint:forcetypeassert // tenants holds nothing else
	}
	derive, err := k.secret(ctx, tenant, UseDerive, 0)
	if err != nil {
		return nil, err
	}
	newest, err := k.secret(ctx, tenant, UseWrap, 0)
	if err != nil {
		return nil, err
	}
	root := derive.Bytes()
	t := &tenantKeys{epoch: newest.Epoch, wraps: map[uint32]tink.AEAD{}, root: root[:]}
	for epoch := uint32(1); epoch <= newest.Epoch; epoch++ {
		s := newest
		if epoch != newest.Epoch {
			if s, err = k.secret(ctx, tenant, UseWrap, epoch); errors.Is(err, errKeyMissing) {
				continue // a retired epoch: what it wrapped is gone on purpose
			} else if err != nil {
				return nil, err
			}
		}
		b := s.Bytes()
		if t.wraps[epoch], err = subtle.NewAESGCM(b[:]); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "cannot use a wrapping secret")
		}
	}
	kept, _ := k.tenants.LoadOrStore(tenant, t)
	return kept.(*tenantKeys), nil //nolint:forcetypeassert // tenants holds nothing else
}

// secret asks the KMS. It keeps a fault of the KMS and classifies a foreign error; nothing is sealed with what is none.
func (k *Ring) secret(ctx context.Context, tenant string, use Use, epoch uint32) (Secret, error) {
	s, err := k.kms.Secret(ctx, tenant, use, epoch)
	if err == nil && (s.IsZero() || epoch != 0 && s.Epoch != epoch) {
		return Secret{}, fault.New(fault.Unavailable, "the key store answered with a %s secret that is empty or of another epoch", use)
	}
	if _, ok := errors.AsType[*fault.Error](err); ok || err == nil {
		return s, err
	}
	return Secret{}, fault.Wrap(fault.Unavailable, err, "the key store does not answer")
}
