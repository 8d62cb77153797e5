package keys

import (
	"context"
	"crypto/rand"
	"encoding/binary"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// Subject returns a subject's key, read and if need be made on the unit. With create false a subject without a key
// gives the zero Key and no error.
//
// Errors: Unavailable with reason "key_mismatch" when the tenant's secrets do not open the stored keys, or when the
// KMS does not answer.
func (k *Ring) Subject(ctx context.Context, u work.Unit, tenant string, subject ident.ID, create bool) (Key, error) {
	wrapped, ok, err := k.store.SubjectKey(ctx, u, tenant, subject)
	if err != nil {
		return Key{}, err
	}
	if ok {
		return k.Unwrap(ctx, tenant, subject, wrapped)
	}
	if !create {
		return Key{}, nil
	}
	if err := k.Prove(ctx, u, tenant); err != nil {
		return Key{}, err
	}
	return k.add(ctx, u, tenant, subject)
}

// Fresh makes the key of a subject whose record the same write creates, and asks the database nothing: it is a Conflict
// with reason "taken", here or when the write ends, when the subject has a key, since then it has a record, too.
//
// Errors: Conflict; those of [Ring.Subject].
func (k *Ring) Fresh(ctx context.Context, u work.Unit, tenant string, subject ident.ID) (Key, error) {
	taken := fault.New(fault.Conflict, "is taken: choose another one")
	taken.Field, taken.Reason = "id", work.ReasonTaken
	return k.put(ctx, u, tenant, subject, taken)
}

// First makes the key of a subject of which the same write has read that it has none, and asks the database nothing: the
// write is Retryable when another one gives the subject a key meanwhile.
//
// Errors: Retryable; those of [Ring.Subject].
func (k *Ring) First(ctx context.Context, u work.Unit, tenant string, subject ident.ID) (Key, error) {
	return k.put(ctx, u, tenant, subject, fault.New(fault.Retryable, "the subject has got a key meanwhile: try again"))
}

func (k *Ring) put(ctx context.Context, u work.Unit, tenant string, subject ident.ID, taken error) (Key, error) {
	if err := k.Prove(ctx, u, tenant); err != nil {
		return Key{}, err
	}
	made, err := k.NewKeys(ctx, tenant, subject)
	if err != nil {
		return Key{}, err
	}
	return made[0], k.store.NewSubjectKey(u, tenant, made[0], k.now().UTC(), taken)
}

// add stores a new key, or returns the one that somebody else has stored meanwhile.
func (k *Ring) add(ctx context.Context, u work.Unit, tenant string, subject ident.ID) (Key, error) {
	made, err := k.NewKeys(ctx, tenant, subject)
	if err != nil {
		return Key{}, err
	}
	added, err := k.store.AddSubjectKey(ctx, u, tenant, subject, made[0].epoch, made[0].wrapped, k.now().UTC())
	if err != nil || added {
		return made[0], err
	}
	wrapped, ok, err := k.store.SubjectKey(ctx, u, tenant, subject)
	if err != nil {
		return Key{}, err
	}
	if !ok {
		return Key{}, fault.New(fault.Retryable, "the subject's key was added and removed meanwhile")
	}
	return k.Unwrap(ctx, tenant, subject, wrapped)
}

// NewKeys makes keys without storing them, for bulk loads that write the rows of crm_subject_key themselves:
// tenant, subject, [Key.Epoch], [Key.Wrapped] and the time. Call [Ring.Prove] once before.
func (k *Ring) NewKeys(ctx context.Context, tenant string, subjects ...ident.ID) ([]Key, error) {
	t, err := k.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	out := make([]Key, len(subjects))
	var dek [SecretSize]byte
	var buf [128]byte
	for i, id := range subjects {
		rand.Read(dek[:])
		c, err := t.wraps[t.epoch].Encrypt(dek[:], wrapping(buf[:0], tenant, id, t.epoch))
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "cannot wrap a subject key")
		}
		w := make([]byte, wrapHead, wrapHead+len(c))
		w[0] = wrappedV1
		binary.BigEndian.PutUint32(w[1:], t.epoch)
		a, err := subtle.NewAESGCM(dek[:])
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "cannot use a subject key")
		}
		out[i] = Key{tenant: tenant, subject: id, epoch: t.epoch, wrapped: append(w, c...), aead: a}
	}
	return out, nil
}

// Unwrap returns the key that was read together with the subject's row.
func (k *Ring) Unwrap(ctx context.Context, tenant string, subject ident.ID, wrapped []byte) (Key, error) {
	t, err := k.tenant(ctx, tenant)
	if err != nil {
		return Key{}, err
	}
	a, epoch, err := t.unwrap(tenant, subject, wrapped)
	if err != nil {
		return Key{}, err
	}
	t.proven.Store(true)
	return Key{tenant: tenant, subject: subject, epoch: epoch, wrapped: wrapped, aead: a}, nil
}

// proof is the subject of a key that seals nothing.
var proof = ident.MustParse("00000000-0000-8000-8000-00006b657973")

// Prove checks that the tenant's secrets open a key that is already stored, so that nothing new is sealed or
// indexed with the secrets of another key store: not even the first thing, and not when two processes with different
// key stores begin at the same time. It asks the database until it found that key, then never again.
//
// Errors: Unavailable with reason "key_mismatch".
func (k *Ring) Prove(ctx context.Context, u work.Unit, tenant string) error {
	t, err := k.tenant(ctx, tenant)
	if err != nil || t.proven.Load() {
		return err
	}
	wrapped, ok, err := k.store.SubjectKey(ctx, u, tenant, proof)
	if err != nil {
		return err
	}
	if ok {
		_, err = k.Unwrap(ctx, tenant, proof, wrapped)
		return err
	}
	_, err = k.add(ctx, u, tenant, proof)
	return err
}

func (t *tenantKeys) unwrap(tenant string, subject ident.ID, wrapped []byte) (tink.AEAD, uint32, error) {
	if len(wrapped) == 0 {
		f := fault.New(fault.NotFound, "the subject's key was destroyed")
		f.Reason = "erased"
		return nil, 0, f
	}
	if len(wrapped) < wrapHead || wrapped[0] != wrappedV1 {
		return nil, 0, mismatch("a subject key has an unknown format")
	}
	epoch := binary.BigEndian.Uint32(wrapped[1:])
	w, ok := t.wraps[epoch]
	if !ok {
		return nil, 0, noSecret(UseWrap, epoch)
	}
	var buf [128]byte
	dek, err := w.Decrypt(wrapped[wrapHead:], wrapping(buf[:0], tenant, subject, epoch))
	if err != nil {
		return nil, 0, mismatch("the tenant's secrets do not open a stored subject key: is this the key store that belongs to the database?")
	}
	a, err := subtle.NewAESGCM(dek)
	if err != nil {
		return nil, 0, fault.Wrap(fault.Internal, err, "cannot use a subject key")
	}
	return a, epoch, nil
}

func mismatch(message string) error {
	f := fault.New(fault.Unavailable, "%s", message)
	f.Reason = "key_mismatch"
	return f
}
