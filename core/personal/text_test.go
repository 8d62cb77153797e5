package personal_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/personal"
)

const secret = "Ada Lovelace"

// opener opens by reversing and counts how often it was asked.
type opener struct {
	calls int
	err   error
}

func (o *opener) Open(b []byte) (string, error) {
	o.calls++
	out := make([]byte, len(b))
	for i, x := range b {
		out[len(b)-1-i] = x
	}
	return string(out), o.err
}

type person struct {
	Given personal.Text
	inner personal.Text
	list  []personal.Text
}

func TestNothingPrintsAText(t *testing.T) {
	t.Parallel()

	plain := personal.NewText(personal.Name, secret)
	sealed := personal.NewSealed(personal.Name, []byte("ecalevoL adA"), &opener{})
	require.Equal(t, secret, sealed.Reveal())
	for _, x := range []personal.Text{plain, sealed} {
		p := person{Given: x, inner: x, list: []personal.Text{x}}
		for _, v := range []any{x, &x, p, &p, map[string]any{"a": p}, []any{x, p}, struct{ personal.Text }{x}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%10.3s"} {
				out := fmt.Sprintf(verb, v)
				require.NotContains(t, out, "Ada", verb)
				require.NotContains(t, out, fmt.Sprintf("%x", secret), verb)
			}
			b, err := json.Marshal(v)
			require.NoError(t, err)
			require.NotContains(t, string(b), "Ada")
			var log bytes.Buffer
			slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
			slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
			require.NotContains(t, log.String(), "Ada")
		}
		b, err := xml.Marshal(person{Given: x})
		require.NoError(t, err)
		require.NotContains(t, string(b), "Ada")
		require.NotContains(t, fmt.Errorf("bad name %v", x).Error(), "Ada")
	}
}

func TestStates(t *testing.T) {
	t.Parallel()

	var absent personal.Text
	require.Equal(t, personal.Absent, absent.State())
	require.True(t, absent.IsZero())
	require.Empty(t, absent.Class())
	require.Empty(t, absent.String())
	require.Equal(t, absent, personal.NewText(personal.Name, ""))
	v, err := absent.Value()
	require.NoError(t, err)
	require.Empty(t, v)

	plain := personal.NewText(personal.Name, secret)
	require.Equal(t, personal.Clear, plain.State())
	require.Equal(t, personal.Name, plain.Class())
	require.Equal(t, secret, plain.Reveal())
	require.Equal(t, "[name]", plain.String())

	masked := personal.NewMasked(personal.Contact)
	require.Equal(t, personal.Masked, masked.State())
	require.False(t, masked.IsZero())
	require.Empty(t, masked.Reveal())
	_, err = masked.Value()
	require.ErrorIs(t, err, personal.ErrMasked)
}

func TestSealedOpensOnce(t *testing.T) {
	t.Parallel()

	o := &opener{}
	x := personal.NewSealed(personal.Contact, []byte("cba"), o)
	y := x
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _ = y.Reveal() })
	}
	wg.Wait()
	require.Equal(t, "abc", x.Reveal())
	require.Equal(t, 1, o.calls)

	broken := personal.NewSealed(personal.Contact, []byte("x"), &opener{err: errors.New("key destroyed")})
	require.Empty(t, broken.Reveal())
	_, err := broken.Value()
	require.EqualError(t, err, "key destroyed")
}

func TestEqual(t *testing.T) {
	t.Parallel()

	a, b := personal.NewText(personal.Name, "abc"), personal.NewSealed(personal.Name, []byte("cba"), &opener{})
	masked := personal.NewMasked(personal.Name)
	broken := personal.NewSealed(personal.Name, nil, &opener{err: errors.New("x")})
	require.True(t, a.Equal(b))
	same := a
	require.True(t, a.Equal(same))
	var none personal.Text
	require.True(t, none.Equal(personal.NewText(personal.Name, "")))
	require.False(t, a.Equal(personal.Text{}))
	alike := masked
	require.False(t, masked.Equal(alike))
	require.False(t, masked.Equal(personal.Text{}))
	require.False(t, broken.Equal(a))
}

func TestWords(t *testing.T) {
	t.Parallel()

	for _, c := range personal.Classes() {
		require.True(t, c.Valid())
		require.Equal(t, c != personal.None, c.Personal())
		if c.Sensitive() {
			require.True(t, c.Sealed(), "%s: what is sensitive is sealed", c)
		}
	}
	require.False(t, personal.Class("").Valid())
	require.False(t, personal.Class("").Personal())
	for _, c := range personal.Channels() {
		require.True(t, c.Valid())
		require.NotEqual(t, personal.ByAnything, c)
	}
	require.True(t, personal.ByAnything.Valid())
	require.False(t, personal.Channel("pigeon").Valid())
}
