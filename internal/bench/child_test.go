package bench

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPeersNeedTheToolchain(t *testing.T) {
	t.Setenv("PATH", t.TempDir())

	_, err := BuildPeers(t.Context(), "", t.TempDir())
	require.ErrorIs(t, err, ErrNoToolchain)
}

func TestPeersNeedTheirSource(t *testing.T) {
	t.Parallel()

	_, err := BuildPeers(t.Context(), t.TempDir(), t.TempDir())
	require.ErrorIs(t, err, ErrNoPeers)
}

func TestPeersThatDieAreReported(t *testing.T) {
	t.Parallel()

	path, err := program()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	child, err := StartChild(ctx, path)
	require.NoError(t, err)
	_, err = child.ask(&request{Do: "turn"})
	require.ErrorContains(t, err, "no database is open")
	cancel()
	_ = child.cmd.Wait()
	_, err = child.ask(&request{Do: "turn"})
	require.ErrorContains(t, err, "the peers are gone")
	require.Error(t, child.Close())
}

// The peers' module is not reached by "go test ./...": its own tests run here.
func TestPeersModule(t *testing.T) {
	t.Parallel()

	cmd := exec.CommandContext(t.Context(), "go", "test", ".")
	cmd.Dir = "peers"
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// program compiles the peers once.
var program = sync.OnceValues(func() (string, error) {
	return BuildPeers(context.Background(), "", peersDir)
})

func startPeers(t *testing.T) *Child {
	t.Helper()
	path, err := program()
	require.NoError(t, err)
	child, err := StartChild(context.WithoutCancel(t.Context()), path) // it is closed after the test's context has ended
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, child.Close()) })
	return child
}
