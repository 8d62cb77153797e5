package keys_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// keyTable is the table of subject keys in memory.
type keyTable struct {
	mu    sync.Mutex
	rows  map[string][]byte
	reads int
}

func newKeyTable() *keyTable { return &keyTable{rows: map[string][]byte{}} }

func (k *keyTable) SubjectKey(_ context.Context, _ work.Unit, tenant string, subject ident.ID) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reads++
	w, ok := k.rows[tenant+subject.String()]
	return w, ok, nil
}

func (k *keyTable) AddSubjectKey(_ context.Context, _ work.Unit, tenant string, subject ident.ID, _ uint32, wrapped []byte, _ time.Time) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := tenant + subject.String()
	if _, ok := k.rows[at]; ok {
		return false, nil
	}
	k.rows[at] = wrapped
	return true, nil
}

func (k *keyTable) NewSubjectKey(u work.Unit, tenant string, key keys.Key, at time.Time, taken error) error {
	added, err := k.AddSubjectKey(context.Background(), u, tenant, key.Subject(), key.Epoch(), key.Wrapped(), at)
	if !added {
		return taken
	}
	return err
}

func newRing() (*keys.Ring, *keyTable) {
	t := newKeyTable()
	return keys.NewRing(keys.NewMemory(), t, nil), t
}

func TestSealedValueOpensOnlyInItsPlace(t *testing.T) {
	t.Parallel()

	ctx := t.Context()
	ring, _ := newRing()
	subject, row := ident.New(), ident.New()
	at := keys.Place{Table: "crm_contact_point", Column: "value", Row: row}
	key, err := ring.Subject(ctx, nil, "acme", subject, true)
	require.NoError(t, err)
	sealed, err := key.Seal(at, "ada@example.org")
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "ada")

	plain, err := ring.Opener("acme", key.Wrapped(), subject, at).Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "ada@example.org", plain)
	text := personal.NewSealed(personal.Contact, sealed, key.Opener(at))
	require.Equal(t, "ada@example.org", text.Reveal())

	other, err := ring.Subject(ctx, nil, "acme", ident.New(), true)
	require.NoError(t, err)
	foreign, err := ring.Subject(ctx, nil, "umbrella", subject, true)
	require.NoError(t, err)
	for name, o := range map[string]personal.Opener{
		"row":             ring.Opener("acme", key.Wrapped(), subject, keys.Place{Table: at.Table, Column: at.Column, Row: ident.New()}),
		"column":          ring.Opener("acme", key.Wrapped(), subject, keys.Place{Table: at.Table, Column: "label", Row: row}),
		"table":           ring.Opener("acme", key.Wrapped(), subject, keys.Place{Table: "crm_note", Column: at.Column, Row: row}),
		"border of names": ring.Opener("acme", key.Wrapped(), subject, keys.Place{Table: "crm_contact_pointv", Column: "alue", Row: row}),
		"subject":         ring.Opener("acme", other.Wrapped(), other.Subject(), at),
		"subject's name":  ring.Opener("acme", key.Wrapped(), other.Subject(), at),
		"another's key":   ring.Opener("acme", other.Wrapped(), subject, at),
		"tenant":          ring.Opener("umbrella", foreign.Wrapped(), subject, at),
		"tenant's name":   ring.Opener("umbrella", key.Wrapped(), subject, at),
		"no key any more": ring.Opener("acme", nil, subject, at),
		"damaged key":     ring.Opener("acme", key.Wrapped()[:20], subject, at),
		"unknown format":  ring.Opener("acme", append([]byte{9}, key.Wrapped()[1:]...), subject, at),
	} {
		_, err := o.Open(sealed)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "ada", name)
	}
	for i := range sealed {
		bad := append([]byte(nil), sealed...)
		bad[i] ^= 1
		_, err := key.Opener(at).Open(bad)
		require.ErrorIs(t, err, fault.ErrInternal, "bit of byte %d", i)
	}
	_, err = key.Opener(at).Open(nil)
	require.Error(t, err)
}

func TestSubjectKeyIsMadeOnce(t *testing.T) {
	t.Parallel()

	ctx := t.Context()
	ring, table := newRing()
	subject := ident.New()
	none, err := ring.Subject(ctx, nil, "acme", subject, false)
	require.NoError(t, err)
	require.True(t, none.IsZero())
	_, err = none.Seal(keys.Place{}, "x")
	require.ErrorIs(t, err, fault.ErrInternal)

	var wg sync.WaitGroup
	wrapped := make([][]byte, 16)
	for i := range wrapped {
		wg.Go(func() {
			key, err := ring.Subject(ctx, nil, "acme", subject, true)
			if err == nil {
				wrapped[i] = key.Wrapped()
			}
		})
	}
	wg.Wait()
	for _, w := range wrapped {
		require.Equal(t, wrapped[0], w)
	}
	require.Len(t, table.rows, 2, "the subject's, and the one that proves the key store")
	_, err = ring.Fresh(ctx, nil, "acme", subject)
	require.ErrorIs(t, err, fault.ErrConflict, "it is no new subject")
	_, err = ring.First(ctx, nil, "acme", subject)
	require.ErrorIs(t, err, fault.ErrRetryable, "somebody was faster")
	_, err = ring.First(ctx, nil, "acme", ident.New())
	require.NoError(t, err)
}

func TestAFreshKeyCostsNoRead(t *testing.T) {
	t.Parallel()

	ring, table := newRing()
	for range 2 { // the first one makes the key that the second one finds
		require.NoError(t, ring.Prove(t.Context(), nil, "acme"))
	}
	before := table.reads
	key, err := ring.Fresh(t.Context(), nil, "acme", ident.New())
	require.NoError(t, err)
	require.False(t, key.IsZero())
	require.Equal(t, before, table.reads)
}

func TestOpenerNeedsWarmSecrets(t *testing.T) {
	t.Parallel()

	kms, table := keys.NewMemory(), newKeyTable()
	first := keys.NewRing(kms, table, nil)
	key, err := first.Fresh(t.Context(), nil, "acme", ident.New())
	require.NoError(t, err)
	at := keys.Place{Table: "t", Column: "c"}
	sealed, err := key.Seal(at, "v")
	require.NoError(t, err)

	second := keys.NewRing(kms, table, nil)
	_, err = second.Opener("acme", key.Wrapped(), key.Subject(), at).Open(sealed)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "key_cold"})
	require.NoError(t, second.Warm(t.Context(), "acme"))
	got, err := second.Opener("acme", key.Wrapped(), key.Subject(), at).Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "v", got)
}

func TestForeignKeyStoreIsRefused(t *testing.T) {
	t.Parallel()

	ctx, table := t.Context(), newKeyTable()
	right := keys.NewRing(keys.NewMemory(), table, nil)
	subject := ident.New()
	_, err := right.Fresh(ctx, nil, "acme", subject)
	require.NoError(t, err)

	wrong := keys.NewRing(keys.NewMemory(), table, nil)
	mismatch := &fault.Error{Code: fault.Unavailable, Reason: "key_mismatch"}
	_, err = wrong.Subject(ctx, nil, "acme", subject, false)
	require.ErrorIs(t, err, mismatch)
	_, err = wrong.Fresh(ctx, nil, "acme", ident.New())
	require.ErrorIs(t, err, mismatch)
	require.ErrorIs(t, wrong.Prove(ctx, nil, "acme"), mismatch)
	require.NoError(t, wrong.Prove(ctx, nil, "umbrella"))
	require.ErrorIs(t, right.Prove(ctx, nil, "umbrella"), mismatch, "who came first is right, also before anything was sealed")
}

// Two processes with different key stores that both find a tenant empty must not both go on.
func TestForeignKeyStoreIsRefusedFromTheBeginning(t *testing.T) {
	t.Parallel()

	table := newKeyTable()
	start, errs := make(chan struct{}), make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		ring := keys.NewRing(keys.NewMemory(), table, nil)
		wg.Go(func() {
			<-start
			_, errs[i] = ring.Fresh(t.Context(), nil, "acme", ident.New())
		})
	}
	close(start)
	wg.Wait()
	served := 0
	for _, err := range errs {
		if err == nil {
			served++
		} else {
			require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "key_mismatch"})
		}
	}
	require.Equal(t, 1, served)
}

func TestDerivedKeysAndDigests(t *testing.T) {
	t.Parallel()

	ctx := t.Context()
	ring, _ := newRing()
	seen := map[string]string{}
	for _, tenant := range []string{"", "a", "ab"} {
		for _, label := range []string{"cursor", "once", "blind/email"} {
			k, err := ring.Derive(ctx, tenant, label)
			require.NoError(t, err)
			require.NotContains(t, seen, string(k[:]))
			seen[string(k[:])] = tenant + label
			again, err := ring.Derive(ctx, tenant, label)
			require.NoError(t, err)
			require.Equal(t, k, again)
		}
	}
	digest := func(tenant, index, value string) string {
		b, err := ring.Blind(ctx, tenant, index, value)
		require.NoError(t, err)
		require.Len(t, b, keys.BlindSize)
		return string(b)
	}
	base := digest("a", "email", "ada@example.org")
	require.Equal(t, base, digest("a", "email", "ada@example.org"))
	require.NotEqual(t, base, digest("ab", "email", "ada@example.org"))
	require.NotEqual(t, base, digest("a", "phone", "ada@example.org"))
	require.NotEqual(t, base, digest("a", "email", "ada@example.com"))

	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if b, _ := ring.Blind(ctx, "a", "email", "ada@example.org"); string(b) != base {
					t.Error("digest changed under concurrency")
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkKeys(b *testing.B) {
	ctx := b.Context()
	ring, _ := newRing()
	id := ident.New()
	at := keys.Place{Table: "crm_contact_point", Column: "value", Row: id}
	key, _ := ring.Fresh(ctx, nil, "acme", id)
	sealed, _ := key.Seal(at, "ada.lovelace@example.org")
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ring.NewKeys(ctx, "acme", id)
		}
	})
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = key.Seal(at, "ada.lovelace@example.org")
		}
	})
	b.Run("unwrap+open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ring.Opener("acme", key.Wrapped(), id, at).Open(sealed)
		}
	})
	b.Run("opener-unused", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = ring.Opener("acme", key.Wrapped(), id, at)
		}
	})
	b.Run("blind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = ring.Blind(ctx, "acme", "email", "ada.lovelace@example.org")
		}
	})
}
