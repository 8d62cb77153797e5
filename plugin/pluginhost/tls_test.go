package pluginhost_test

import (
	"context"
	"crypto/tls"
	"io/fs"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/rapport-crm/rapport/plugin/proto"
)

// Both sockets, the plugin's and the host's for call-backs, speak to nobody but each other: neither in clear nor under
// TLS without a certificate or with a stranger's.
func TestStrangersAreNotServed(t *testing.T) {
	t.Parallel()

	cfg := config(t, "serve")
	cfg.TempDir = shortDir(t)
	_, h := open(t, cfg)
	_, err := call(t, h, "say", "hello") // the call-back service is in use
	require.NoError(t, err)
	var sockets []string
	require.NoError(t, filepath.WalkDir(cfg.TempDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSocket != 0 {
			sockets = append(sockets, path)
		}
		return err
	}))
	require.Len(t, sockets, 2)

	other := httptest.NewTLSServer(nil)
	defer other.Close()
	for name, creds := range map[string]credentials.TransportCredentials{
		"clear":          insecure.NewCredentials(),
		"no certificate": credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),                                       //nolint:gosec // a stranger would
		"a stranger's":   credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, Certificates: other.TLS.Certificates}), //nolint:gosec // a stranger would
	} {
		for _, path := range sockets {
			conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(creds))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, described := proto.NewPluginClient(conn).Describe(ctx, &proto.DescribeRequest{})
			_, got := proto.NewHostClient(conn).Get(ctx, &proto.GetRequest{})
			cancel()
			require.NoError(t, conn.Close())
			for _, err := range []error{described, got} {
				require.Contains(t, []codes.Code{codes.Unavailable, codes.DeadlineExceeded}, status.Code(err), "%s: %v", name, err)
			}
		}
	}
	out, err := call(t, h, "echo", "still here")
	require.NoError(t, err)
	require.Equal(t, "still here", out)
}
