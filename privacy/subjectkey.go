package privacy

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// Formats of what is stored: one byte in front, so that a later one is told apart. A wrapped key goes on with its
// epoch (4 bytes, big-endian); both go on with what Tink makes: nonce, ciphertext, tag.
const (
	sealedV1  = 1
	wrappedV1 = 1
	wrapHead  = 5
)

// Place is where a sealed value lies. It is bound into the ciphertext with tenant and subject, so a value that was
// moved does not open.
type Place struct {
	Table, Column string   // names in the database, such as "crm_contact_point" and "value"
	Row           ident.ID // id of the row
}

// SubjectKey seals values of one subject. It is a value, safe for concurrent use; the zero one seals nothing.
type SubjectKey struct {
	tenant  string
	subject ident.ID
	epoch   uint32
	wrapped []byte
	aead    tink.AEAD
}

// IsZero reports whether k is no key.
func (k SubjectKey) IsZero() bool { return k.aead == nil }

// Subject returns whose key it is.
func (k SubjectKey) Subject() ident.ID { return k.subject }

// Epoch returns the epoch of the tenant's secret that wraps the key.
func (k SubjectKey) Epoch() uint32 { return k.epoch }

// Wrapped returns the key as it is stored. The caller must not change it.
func (k SubjectKey) Wrapped() []byte { return k.wrapped }

// Seal encrypts a value for its place. Equal values seal differently each time.
//
// Errors: Internal for the zero key.
func (k SubjectKey) Seal(at Place, plain string) ([]byte, error) {
	if k.IsZero() {
		return nil, fault.New(fault.Internal, "sealing without a subject key")
	}
	var buf [192]byte
	c, err := k.aead.Encrypt([]byte(plain), place(buf[:0], k.tenant, k.subject, at))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "cannot seal a value")
	}
	// Tink has no appending form; one more copy is cheaper than a column for the format.
	out := make([]byte, 1+len(c))
	out[0] = sealedV1
	copy(out[1:], c)
	return out, nil
}

// Opener returns the opener of the value at a place.
func (k SubjectKey) Opener(at Place) personal.Opener {
	return (&Openers{tenant: k.tenant, subject: k.subject, aead: k.aead}).At(at)
}

// Subject returns a subject's key, read and if need be made on the unit. With create false a subject without a key
// gives the zero SubjectKey and no error.
//
// Errors: Unavailable with reason "key_mismatch" when the tenant's secrets do not open the stored keys, or when the
// KMS does not answer.
func (k *Keyring) Subject(ctx context.Context, u work.Unit, tenant string, subject ident.ID, create bool) (SubjectKey, error) {
	wrapped, ok, err := k.store.SubjectKey(ctx, u, tenant, subject)
	if err != nil {
		return SubjectKey{}, err
	}
	if ok {
		return k.Unwrap(ctx, tenant, subject, wrapped)
	}
	if !create {
		return SubjectKey{}, nil
	}
	return k.Fresh(ctx, u, tenant, subject)
}

// Fresh is [Keyring.Subject] for a subject that is new: it stores a key at once and reads only when there was one.
func (k *Keyring) Fresh(ctx context.Context, u work.Unit, tenant string, subject ident.ID) (SubjectKey, error) {
	if err := k.Prove(ctx, u, tenant); err != nil {
		return SubjectKey{}, err
	}
	keys, err := k.NewSubjectKeys(ctx, tenant, subject)
	if err != nil {
		return SubjectKey{}, err
	}
	added, err := k.store.AddSubjectKey(ctx, u, tenant, subject, keys[0].epoch, keys[0].wrapped, k.now().UTC())
	if err != nil || added {
		return keys[0], err
	}
	wrapped, ok, err := k.store.SubjectKey(ctx, u, tenant, subject)
	if err != nil {
		return SubjectKey{}, err
	}
	if !ok {
		return SubjectKey{}, fault.New(fault.Retryable, "the subject's key was added and removed meanwhile")
	}
	return k.Unwrap(ctx, tenant, subject, wrapped)
}

// NewSubjectKeys makes keys without storing them, for bulk loads that write the rows of crm_subject_key themselves:
// tenant, subject, [SubjectKey.Epoch], [SubjectKey.Wrapped] and the time. Call [Keyring.Prove] once before.
func (k *Keyring) NewSubjectKeys(ctx context.Context, tenant string, subjects ...ident.ID) ([]SubjectKey, error) {
	t, err := k.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	out := make([]SubjectKey, len(subjects))
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
		out[i] = SubjectKey{tenant: tenant, subject: id, epoch: t.epoch, wrapped: append(w, c...), aead: a}
	}
	return out, nil
}

// Unwrap returns the key that was read together with the subject's row.
func (k *Keyring) Unwrap(ctx context.Context, tenant string, subject ident.ID, wrapped []byte) (SubjectKey, error) {
	t, err := k.tenant(ctx, tenant)
	if err != nil {
		return SubjectKey{}, err
	}
	a, epoch, err := t.unwrap(tenant, subject, wrapped)
	if err != nil {
		return SubjectKey{}, err
	}
	t.proven.Store(true)
	return SubjectKey{tenant: tenant, subject: subject, epoch: epoch, wrapped: wrapped, aead: a}, nil
}

// Prove checks that the tenant's secrets open a key that is already stored, so that nothing new is sealed or
// indexed with the secrets of another key store. It asks the database once per tenant and process.
//
// Errors: Unavailable with reason "key_mismatch".
func (k *Keyring) Prove(ctx context.Context, u work.Unit, tenant string) error {
	t, err := k.tenant(ctx, tenant)
	if err != nil || t.proven.Load() {
		return err
	}
	subject, wrapped, ok, err := k.store.AnySubjectKey(ctx, u, tenant)
	if err != nil {
		return err
	}
	if ok {
		if _, _, err = t.unwrap(tenant, subject, wrapped); err != nil {
			return err
		}
	}
	t.proven.Store(true)
	return nil
}

// Opener returns the opener of a value at a place. It does no input or output: it unwraps the subject's key when a
// value is first revealed, from secrets that [Keyring.Warm] loaded.
func (k *Keyring) Opener(tenant string, wrapped []byte, subject ident.ID, at Place) personal.Opener {
	return k.Openers(tenant, wrapped, subject).At(at)
}

// Openers is [Keyring.Opener] for several values of one subject, which unwrap its key once.
func (k *Keyring) Openers(tenant string, wrapped []byte, subject ident.ID) *Openers {
	return &Openers{ring: k, tenant: tenant, wrapped: wrapped, subject: subject}
}

// Openers gives the openers of one subject's values. It is safe for concurrent use.
type Openers struct {
	ring    *Keyring
	tenant  string
	wrapped []byte
	subject ident.ID
	once    sync.Once
	aead    tink.AEAD
	err     error
}

// At returns the opener of the value at a place.
func (o *Openers) At(at Place) personal.Opener { return &opener{o, at} }

func (o *Openers) key() (tink.AEAD, error) {
	o.once.Do(func() {
		if o.aead != nil {
			return
		}
		t, ok := o.ring.tenants.Load(o.tenant)
		if !ok {
			f := fault.New(fault.Unavailable, "the tenant's secrets are not loaded: call Keyring.Warm before reading")
			f.Reason = "key_cold"
			o.err = f
			return
		}
		o.aead, _, o.err = t.(*tenantKeys).unwrap(o.tenant, o.subject, o.wrapped) //nolint:forcetypeassert // tenants holds nothing else
	})
	return o.aead, o.err
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

// opener opens one value.
type opener struct {
	of *Openers
	at Place
}

// Open implements [personal.Opener].
func (o *opener) Open(sealed []byte) (string, error) {
	a, err := o.of.key()
	if err != nil {
		return "", err
	}
	if len(sealed) > 0 && sealed[0] == sealedV1 {
		var buf [192]byte
		if plain, err := a.Decrypt(sealed[1:], place(buf[:0], o.of.tenant, o.of.subject, o.at)); err == nil {
			return string(plain), nil
		}
	}
	f := fault.New(fault.Internal, "a sealed value in %s.%s does not belong to this row or was altered", o.at.Table, o.at.Column)
	f.Reason = "seal_broken"
	return "", f
}

// place is the associated data of a value: every part with its length, so that no two places spell alike.
func place(b []byte, tenant string, subject ident.ID, at Place) []byte {
	b = append(b, 'v', sealedV1)
	b = part(b, tenant)
	b = append(b, subject[:]...)
	b = part(b, at.Table)
	b = part(b, at.Column)
	return append(b, at.Row[:]...)
}

// wrapping is the associated data of a wrapped key.
func wrapping(b []byte, tenant string, subject ident.ID, epoch uint32) []byte {
	b = append(b, 'k', wrappedV1)
	b = part(b, tenant)
	b = append(b, subject[:]...)
	return binary.BigEndian.AppendUint32(b, epoch)
}

func part(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
