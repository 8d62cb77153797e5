package bench

import (
	"context"
	"os"
	"os/exec"
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
