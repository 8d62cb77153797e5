package keys_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func TestSecretsNeverPrint(t *testing.T) {
	t.Parallel()

	file, err := keys.OpenFile(filepath.Join(t.TempDir(), "k"))
	require.NoError(t, err)
	for _, kms := range []keys.KMS{file, keys.NewMemory()} {
		s, err := kms.Secret(t.Context(), "acme", keys.UseWrap, 0)
		require.NoError(t, err)
		b := s.Bytes()
		decimals := fmt.Sprintf("%d %d %d %d", b[0], b[1], b[2], b[3])
		held := struct{ s keys.Secret }{s} // fmt calls no method of what lies in an unexported field
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, strings.Repeat(verb+"\n", 4), s, held, kms, keys.NewRing(kms, nil, nil))
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "secret", s, "kms", kms)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "secret", s, "held", held)
		doc, err := json.Marshal([]any{s, held, kms})
		require.NoError(t, err)
		out.Write(doc)
		text := strings.ToLower(out.String())
		require.NotContains(t, text, hex.EncodeToString(b[:4]))
		require.NotContains(t, text, decimals)
		require.NotContains(t, text, strings.ReplaceAll(decimals, " ", ","))
		require.NotContains(t, out.String(), string(b[:4]))
	}
}

// careless answers without looking.
type careless struct{ answer keys.Secret }

func (c careless) Secret(context.Context, string, keys.Use, uint32) (keys.Secret, error) {
	return c.answer, nil
}

func TestRingTakesNoEmptySecret(t *testing.T) {
	t.Parallel()

	for name, kms := range map[string]keys.KMS{
		"none": careless{}, "zeros": careless{keys.NewSecret(1, [keys.SecretSize]byte{})}, "no epoch": careless{keys.NewSecret(0, [keys.SecretSize]byte{1})},
	} {
		require.ErrorIs(t, keys.NewRing(kms, nil, nil).Warm(t.Context(), "acme"), fault.ErrUnavailable, name)
	}
	require.NoError(t, keys.NewRing(careless{keys.NewSecret(1, [keys.SecretSize]byte{1})}, nil, nil).Warm(t.Context(), "acme"))
}
