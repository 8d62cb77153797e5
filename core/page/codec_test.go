package page_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
)

func codec(t require.TestingT, fill byte) *page.Codec {
	c, err := page.NewCodec(bytes.Repeat([]byte{fill}, page.KeySize))
	require.NoError(t, err)
	return c
}

func positions() *rapid.Generator[page.Position] {
	return rapid.Custom(func(t *rapid.T) page.Position {
		p := page.Position{Blank: rapid.Bool().Draw(t, "blank"), Key: rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "key")}
		copy(p.ID[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		copy(p.Query[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "query"))
		if len(p.Key) == 0 {
			p.Key = nil
		}
		return p
	})
}

func TestCursorsComeBack(t *testing.T) {
	t.Parallel()

	a, again, other := codec(t, 1), codec(t, 1), codec(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		p := positions().Draw(t, "position")
		tenant := rapid.StringN(0, 20, 64).Draw(t, "tenant")
		s := a.Seal(tenant, p)
		require.Equal(t, s, again.Seal(tenant, p), "the same position gives the same cursor")
		require.Regexp(t, `^[A-Za-z0-9_-]+$`, s)

		got, err := again.Open(tenant, s)
		require.NoError(t, err)
		require.Equal(t, p, got)

		refused(t, other, tenant, s)
		refused(t, a, tenant+"x", s)
	})
}

func TestCursorsCannotBeChanged(t *testing.T) {
	t.Parallel()

	c := codec(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		s := c.Seal("acme", positions().Draw(t, "position"))
		b := []byte(s)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		was := b[i]
		b[i] = rapid.SampledFrom([]byte("ABab01-_=+/ \n")).Draw(t, "byte")
		if b[i] != was {
			refused(t, c, "acme", string(b))
		}
		refused(t, c, "acme", s[:i])
		refused(t, c, "acme", s+"\n")
		refused(t, c, "acme", s+"A")
	})
}

func TestCursorsShowNothing(t *testing.T) {
	t.Parallel()

	c := codec(t, 1)
	id := ident.New()
	s := c.Seal("acme", page.Position{Key: []byte("Ada Lovelace"), ID: id})
	raw, err := base64.RawURLEncoding.DecodeString(s)
	require.NoError(t, err)
	require.NotContains(t, string(raw), "Ada")
	require.False(t, bytes.Contains(raw, id[:]))
	require.NotEqual(t, s, c.Seal("other", page.Position{Key: []byte("Ada Lovelace"), ID: id}))
}

func TestCodecRefuses(t *testing.T) {
	t.Parallel()

	for _, n := range []int{0, 16, 31, 33} {
		_, err := page.NewCodec(make([]byte, n))
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	c := codec(t, 1)
	for _, s := range []string{"", "A", "====", "not a cursor", strings.Repeat("A", 100), strings.Repeat("A", page.MaxCursor+4)} {
		refused(t, c, "acme", s)
	}
}

func refused(t require.TestingT, c *page.Codec, tenant, cursor string) {
	p, err := c.Open(tenant, cursor)
	require.Equal(t, page.Position{}, p)
	require.EqualError(t, err, "invalid: cursor: not a cursor of this list: begin again without one")
}

func FuzzOpen(f *testing.F) {
	c := codec(f, 1)
	f.Add("acme", c.Seal("acme", page.Position{Key: []byte("k"), ID: ident.ID{1}}))
	f.Add("acme", c.Seal("acme", page.Position{Blank: true}))
	f.Add("", "AAAA")
	f.Fuzz(func(t *testing.T, tenant, s string) {
		p, err := c.Open(tenant, s)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			return
		}
		require.Equal(t, s, c.Seal(tenant, p), "whatever opens was sealed with this key")
	})
}
