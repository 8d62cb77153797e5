package page

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/rapport-crm/rapport/core/fault"
)

// MaxCursor is the greatest length in bytes of a cursor that [Codec.Open] looks at.
const MaxCursor = 1 << 16

// KeySize is the length in bytes of a [Codec]'s key.
const KeySize = 32

const (
	codecVersion = 1
	headSize     = 1 + 1 + 16 + 16 // version, flags, query, id
	flagBlank    = 1
)

// Codec turns positions into cursors that strangers may hold: unreadable, unforgeable, bound to one tenant.
//
// A cursor is AES-256-GCM under a nonce that derives from its content, in base64url. The same position therefore
// gives the same cursor, and no count of cursors wears the key out. A Codec is immutable and safe for concurrent use.
type Codec struct {
	aead cipher.AEAD
	mac  []byte // key of the nonces
}

// NewCodec returns a Codec for a secret key of [KeySize] bytes. Codecs of the same key read each other's cursors,
// on other machines too.
func NewCodec(key []byte) (*Codec, error) {
	if len(key) != KeySize {
		return nil, fault.Field("key", "want a cursor key of %d bytes, have %d", KeySize, len(key))
	}
	enc, err := hkdf.Expand(sha256.New, key, "rapport cursor seal", KeySize)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "derive the cursor key")
	}
	mac, err := hkdf.Expand(sha256.New, key, "rapport cursor nonce", KeySize)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "derive the cursor key")
	}
	block, err := aes.NewCipher(enc)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "set up the cursor cipher")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "set up the cursor cipher")
	}
	return &Codec{aead: aead, mac: mac}, nil
}

// Seal returns the cursor of a position in a tenant's list. The key of a position is the sort key of one record,
// at most some thousand bytes; a cursor beyond [MaxCursor] is not opened again.
func (c *Codec) Seal(tenant string, p Position) string {
	plain := make([]byte, 0, headSize+len(p.Key))
	var flags byte
	if p.Blank {
		flags |= flagBlank
	}
	plain = append(plain, codecVersion, flags)
	plain = append(plain, p.Query[:]...)
	plain = append(plain, p.ID[:]...)
	plain = append(plain, p.Key...)
	nonce := c.nonce(tenant, plain)
	return base64.RawURLEncoding.EncodeToString(c.aead.Seal(nonce, nonce, plain, []byte(tenant)))
}

// Open returns the position that Seal was given for the same tenant. Everything else is an Invalid fault of field
// "cursor" that does not say what is wrong with it.
func (c *Codec) Open(tenant, cursor string) (Position, error) {
	if len(cursor) > MaxCursor {
		return Position{}, badCursor()
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	n := c.aead.NonceSize()
	if err != nil || len(b) < n+headSize+c.aead.Overhead() || base64.RawURLEncoding.EncodedLen(len(b)) != len(cursor) {
		return Position{}, badCursor()
	}
	plain, err := c.aead.Open(nil, b[:n], b[n:], []byte(tenant))
	if err != nil || plain[0] != codecVersion || plain[1] > flagBlank {
		return Position{}, badCursor()
	}
	p := Position{Blank: plain[1]&flagBlank != 0}
	rest := plain[2:]
	rest = rest[copy(p.Query[:], rest):]
	rest = rest[copy(p.ID[:], rest):]
	if len(rest) > 0 {
		p.Key = bytes.Clone(rest)
	}
	return p, nil
}

// nonce is a keyed digest of tenant and content: equal only where both are.
func (c *Codec) nonce(tenant string, plain []byte) []byte {
	h := hmac.New(sha256.New, c.mac)
	h.Write([]byte(tenant))
	h.Write([]byte{0})
	h.Write(plain)
	return h.Sum(nil)[:c.aead.NonceSize()]
}

func badCursor() error {
	return fault.Field("cursor", "not a cursor of this list: begin again without one")
}
