package ident

import (
	"bytes"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"
)

// ID identifies one record for ever. It is a UUID; the zero value means "no record" and is never stored.
// IDs compare with == and are safe as map keys.
type ID [16]byte

// Generator makes new ids. It must be safe for concurrent use.
type Generator func() ID

// New returns a UUID version 7: the first 48 bits are milliseconds since 1970, so ids sort by time of creation.
func New() ID { return ID(uuid.Must(uuid.NewV7())) }

// NewRandom returns a UUID version 4, for engines on which time-ordered keys make one range hot.
func NewRandom() ID { return ID(uuid.New()) }

// errID is returned by Parse for anything that is not a UUID in its canonical text form.
var errID = errors.New("ident: not an id: want 36 characters like 0190e6a2-7b1c-7def-8a34-0123456789ab")

// Parse reads the canonical text form, 36 characters with hyphens, in either case.
// Other spellings that UUID libraries accept (braces, urn:, no hyphens) are refused, so that one id has one spelling.
func Parse(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, errID
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, errID
	}
	return ID(u), nil
}

// MustParse is Parse for constants in tests and examples; it panics on a malformed id.
func MustParse(s string) ID {
	id, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return id
}

// String returns the canonical lower-case text form.
func (id ID) String() string {
	var b [36]byte
	id.encode(b[:])
	return string(b[:])
}

func (id ID) encode(b []byte) {
	hex.Encode(b, id[:4])
	b[8] = '-'
	hex.Encode(b[9:13], id[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], id[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], id[8:10])
	b[23] = '-'
	hex.Encode(b[24:], id[10:])
}

// IsZero reports whether id is the zero id, which names no record.
func (id ID) IsZero() bool { return id == ID{} }

// own is how the ids begin that the CRM keeps for itself.
var own = MustParse("00000000-0000-8000-8000-000000000000")

// Reserved reports whether id is one of those that the CRM keeps for itself, such as that of a tenant's settings: they begin
// with 00000000-0000-8000-8000-. No other record may have one.
func (id ID) Reserved() bool { return bytes.Equal(id[:10], own[:10]) }

// Compare orders ids bytewise, which is by time of creation for version 7.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText writes the canonical form; the zero id is written as empty text.
func (id ID) MarshalText() ([]byte, error) {
	if id.IsZero() {
		return []byte{}, nil
	}
	b := make([]byte, 36)
	id.encode(b)
	return b, nil
}

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := Parse(string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
