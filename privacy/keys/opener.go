package keys

import (
	"sync"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Opener returns the opener of a value at a place. It does no input or output: it unwraps the subject's key when a
// value is first revealed, from secrets that [Ring.Warm] loaded.
func (k *Ring) Opener(tenant string, wrapped []byte, subject ident.ID, at Place) personal.Opener {
	return k.Openers(tenant, wrapped, subject).At(at)
}

// Openers is [Ring.Opener] for several values of one subject, which unwrap its key once.
func (k *Ring) Openers(tenant string, wrapped []byte, subject ident.ID) *Openers {
	return &Openers{ring: k, tenant: tenant, wrapped: wrapped, subject: subject}
}

// Openers gives the openers of one subject's values. It is safe for concurrent use.
type Openers struct {
	ring    *Ring
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
			f := fault.New(fault.Unavailable, "the tenant's secrets are not loaded: call Ring.Warm before reading")
			f.Reason = "key_cold"
			o.err = f
			return
		}
		o.aead, _, o.err = t.(*tenantKeys).unwrap(o.tenant, o.subject, o.wrapped) //nolint:forcetypeassert // tenants holds nothing else
	})
	return o.aead, o.err
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
