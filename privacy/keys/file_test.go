package keys_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// keyChild tells a re-executed test binary to make secrets in the key file named by the variable.
const keyChild = "RAPPORT_TEST_KEY_FILE"

const childTenants = 20

func TestMain(m *testing.M) {
	if path := os.Getenv(keyChild); path != "" {
		os.Exit(makeSecrets(path))
	}
	os.Exit(m.Run())
}

// makeSecrets waits for its standard input to close, so that children start together, and prints what it got.
func makeSecrets(path string) int {
	bufio.NewReader(os.Stdin).ReadString('\n')
	for i := range childTenants {
		kms, err := keys.OpenFile(path)
		if err == nil {
			var s keys.Secret
			if s, err = kms.Secret(context.Background(), fmt.Sprint("tenant-", i), keys.UseWrap, 0); err == nil {
				fmt.Printf("%x\n", s.Bytes())
				continue
			}
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestFileKeepsSecrets(t *testing.T) {
	t.Parallel()

	ctx, path := t.Context(), filepath.Join(t.TempDir(), "crm.db.keys")
	kms, err := keys.OpenFile(path)
	require.NoError(t, err)
	require.NoFileExists(t, path)
	a, err := kms.Secret(ctx, "acme", keys.UseWrap, 0)
	require.NoError(t, err)
	require.Equal(t, uint32(1), a.Epoch)
	d, err := kms.Secret(ctx, "acme", keys.UseDerive, 0)
	require.NoError(t, err)
	require.NotEqual(t, a.Bytes(), d.Bytes())
	b, err := kms.Secret(ctx, "umbrella", keys.UseWrap, 0)
	require.NoError(t, err)
	require.NotEqual(t, a.Bytes(), b.Bytes())
	_, err = kms.Secret(ctx, "acme", keys.UseWrap, 2)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "key_missing"})

	again, err := keys.OpenFile(path)
	require.NoError(t, err)
	same, err := again.Secret(ctx, "acme", keys.UseWrap, 1)
	require.NoError(t, err)
	require.Equal(t, a.Bytes(), same.Bytes())
	require.Equal(t, uint32(1), same.Epoch)

	if runtime.GOOS != "windows" {
		st, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
	}
	left, err := filepath.Glob(path + ".new-*")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestFileRefusesBadFiles(t *testing.T) {
	t.Parallel()

	if runtime.GOOS != "windows" {
		for _, mode := range []os.FileMode{0o604, 0o640, 0o660, 0o644, 0o602} {
			path := filepath.Join(t.TempDir(), "k")
			require.NoError(t, os.WriteFile(path, []byte(`{"format":"rapport-keys-1"}`), 0o600))
			require.NoError(t, os.Chmod(path, mode))
			_, err := keys.OpenFile(path)
			f := requireInvalid(t, err, "keys")
			require.Contains(t, f.Message, "chmod 600")
		}
	}
	for name, text := range map[string]string{
		"empty":              "",
		"cut":                `{"format":"rapport-keys-1","keys":[{"ten`,
		"other":              `{"format":"something"}`,
		"short key":          `{"format":"rapport-keys-1","keys":[{"tenant":"a","use":"wrap","epoch":1,"secret":"AAAA"}]}`,
		"something after it": `{"format":"rapport-keys-1","keys":[]}{}`,
		"twice": `{"format":"rapport-keys-1","keys":[{"tenant":"a","use":"wrap","epoch":1,"secret":"` + strings.Repeat("A", 43) + `="},
			{"tenant":"a","use":"wrap","epoch":1,"secret":"` + strings.Repeat("B", 42) + `A="}]}`,
		"epoch zero": `{"format":"rapport-keys-1","keys":[{"tenant":"a","use":"wrap","epoch":0,"secret":"` + strings.Repeat("A", 43) + `="}]}`,
	} {
		path := filepath.Join(t.TempDir(), "k")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600), name)
		_, err := keys.OpenFile(path)
		requireInvalid(t, err, "keys")
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, text, string(kept), "a damaged file must be left alone")
	}
	_, err := keys.OpenFile(t.TempDir())
	requireInvalid(t, err, "keys")

	kms, err := keys.OpenFile(filepath.Join(t.TempDir(), "missing", "k"))
	require.NoError(t, err)
	_, err = kms.Secret(t.Context(), "a", keys.UseWrap, 0)
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

// A file whose rights were widened while the program runs is noticed at the next look into it.
func TestFileNoticesWiderRights(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}

	path := filepath.Join(t.TempDir(), "k")
	kms, err := keys.OpenFile(path)
	require.NoError(t, err)
	_, err = kms.Secret(t.Context(), "a", keys.UseWrap, 0)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = kms.Secret(t.Context(), "b", keys.UseWrap, 0)
	requireInvalid(t, err, "keys")
}

// A program that goes on after its key file was lost must not put a new one, without the old keys, in its place.
func TestFileIsNotMadeAnewWhileItsKeysAreInUse(t *testing.T) {
	t.Parallel()

	for name, harm := range map[string]func(t *testing.T, path string){
		"lost":  func(t *testing.T, path string) { t.Helper(); require.NoError(t, os.Remove(path)) },
		"blank": func(t *testing.T, path string) { t.Helper(); write(t, path, `{"format":"rapport-keys-1"}`) },
		"another": func(t *testing.T, path string) {
			t.Helper()
			require.NoError(t, os.Remove(path))
			other, err := keys.OpenFile(path)
			require.NoError(t, err)
			_, err = other.Secret(t.Context(), "acme", keys.UseWrap, 0)
			require.NoError(t, err)
		},
	} {
		path := filepath.Join(t.TempDir(), "k")
		kms, err := keys.OpenFile(path)
		require.NoError(t, err)
		first, err := kms.Secret(t.Context(), "acme", keys.UseWrap, 0)
		require.NoError(t, err)
		right, err := os.ReadFile(path)
		require.NoError(t, err)

		harm(t, path)
		before, _ := os.ReadFile(path)
		_, err = kms.Secret(t.Context(), "umbrella", keys.UseWrap, 0)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Unavailable, Reason: "keys_lost"}, name)
		after, _ := os.ReadFile(path)
		require.Equal(t, string(before), string(after), name)
		same, err := kms.Secret(t.Context(), "acme", keys.UseWrap, 0)
		require.NoError(t, err, "%s: what is in memory goes on working", name)
		require.Equal(t, first.Bytes(), same.Bytes(), name)

		write(t, path, string(right))
		_, err = kms.Secret(t.Context(), "umbrella", keys.UseWrap, 0)
		require.NoError(t, err, "%s: restored", name)
	}
}

func TestFileBehindALink(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a right of their own")
	}

	place, link := filepath.Join(t.TempDir(), "safe"), filepath.Join(t.TempDir(), "crm.db.keys")
	write(t, place, `{"format":"rapport-keys-1"}`)
	require.NoError(t, os.Symlink(place, link))
	kms, err := keys.OpenFile(link)
	require.NoError(t, err)
	a, err := kms.Secret(t.Context(), "acme", keys.UseWrap, 0)
	require.NoError(t, err)
	st, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, st.Mode()&os.ModeSymlink, "the link is still one")
	direct, err := keys.OpenFile(place)
	require.NoError(t, err)
	same, err := direct.Secret(t.Context(), "acme", keys.UseWrap, 1)
	require.NoError(t, err)
	require.Equal(t, a.Bytes(), same.Bytes())
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func TestFileWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()

	kms, err := keys.OpenFile(filepath.Join(t.TempDir(), "k"))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = kms.Secret(ctx, "a", keys.UseWrap, 0)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, fault.ErrUnavailable)
}

func TestFileInSeveralProcesses(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "crm.db.keys")
	exe, err := os.Executable()
	require.NoError(t, err)
	const processes = 4
	outputs := make([]strings.Builder, processes)
	var starts []func() error
	var children []*exec.Cmd
	for i := range processes {
		c := exec.CommandContext(t.Context(), exe)
		c.Env = append(os.Environ(), keyChild+"="+path)
		c.Stdout, c.Stderr = &outputs[i], os.Stderr
		in, err := c.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		starts, children = append(starts, in.Close), append(children, c)
	}
	for _, start := range starts {
		require.NoError(t, start())
	}
	for _, c := range children {
		require.NoError(t, c.Wait())
	}
	want := outputs[0].String()
	require.Equal(t, childTenants, strings.Count(want, "\n"))
	for i := range outputs {
		require.Equal(t, want, outputs[i].String())
	}
}

func TestFileInOneProcess(t *testing.T) {
	t.Parallel()

	path := filepath.Join(t.TempDir(), "k")
	got := make([]keys.Secret, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			if kms, err := keys.OpenFile(path); err == nil {
				got[i], _ = kms.Secret(t.Context(), "acme", keys.UseDerive, 0)
			}
		})
	}
	wg.Wait()
	for _, s := range got {
		require.False(t, s.IsZero())
		require.Equal(t, got[0].Bytes(), s.Bytes())
	}
}

func requireInvalid(t *testing.T, err error, field string) *fault.Error {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Invalid, f.Code)
	require.Equal(t, field, f.Field)
	return f
}
