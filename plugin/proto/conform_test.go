package proto_test

import (
	"context"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/plugintest"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// remote is an extension that reaches its host over the wire.
type remote struct {
	plugin.Extension
	t *testing.T
}

func (r remote) Start(ctx context.Context, connect plugin.Connect) error {
	pipe, srv := bufconn.Listen(1<<20), grpc.NewServer()
	proto.RegisterHostServer(srv, &proto.Callbacks{
		Connect: func() plugin.Connect { return connect }, MayLog: func() bool { return true },
	})
	go srv.Serve(pipe)
	conn, err := grpc.NewClient("passthrough:pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	require.NoError(r.t, err)
	r.t.Cleanup(func() {
		require.NoError(r.t, conn.Close())
		srv.Stop()
	})
	return r.Extension.Start(ctx, proto.Connect(proto.NewHostClient(conn)))
}

// world is the host in memory.
type world struct{ *plugintest.Host }

func (w world) Customer(_ *testing.T, name string) ident.ID {
	ref := w.Add("customer", map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text(name)}})
	w.Happen(event.Event{Kind: "customer.created", Record: ref, Changed: []string{"family", "name"}})
	return ref.ID
}

func (w world) Drain(t *testing.T) {
	t.Helper()
	for range 100 {
		if w.Host.Drain(t.Context()) == nil {
			return
		}
	}
	require.Fail(t, "events are left")
}

func (w world) Notes(*testing.T) (subjects []string) {
	for _, i := range w.Interactions() {
		subjects = append(subjects, i.Subject)
	}
	return subjects
}

func (w world) Disclosed(_ *testing.T, id ident.ID) []plugin.Disclosure {
	return slices.DeleteFunc(w.Host.Disclosed(), func(d plugin.Disclosure) bool { return d.Record.ID != id })
}

// A host behaves over the wire as it does in process.
func TestWireConforms(t *testing.T) {
	t.Parallel()

	plugintest.Conform(t, func(t *testing.T, ext plugin.Extension) plugintest.World {
		t.Helper()
		return world{plugintest.NewHost(t, remote{ext, t})}
	})
}
