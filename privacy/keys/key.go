package keys

import (
	"encoding/binary"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
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

// Key seals values of one subject. It is a value, safe for concurrent use; the zero one seals nothing.
type Key struct {
	tenant  string
	subject ident.ID
	epoch   uint32
	wrapped []byte
	aead    tink.AEAD
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.aead == nil }

// Subject returns whose key it is.
func (k Key) Subject() ident.ID { return k.subject }

// Epoch returns the epoch of the tenant's secret that wraps the key.
func (k Key) Epoch() uint32 { return k.epoch }

// Wrapped returns the key as it is stored. The caller must not change it.
func (k Key) Wrapped() []byte { return k.wrapped }

// Seal encrypts a value for its place. Equal values seal differently each time.
//
// Errors: Internal for the zero key.
func (k Key) Seal(at Place, plain string) ([]byte, error) {
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
func (k Key) Opener(at Place) personal.Opener {
	return (&Openers{tenant: k.tenant, subject: k.subject, aead: k.aead}).At(at)
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
