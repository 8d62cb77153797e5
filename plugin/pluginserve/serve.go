package pluginserve

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// Started reports whether this process was started by a host as a plugin.
func Started() bool { return os.Getenv(proto.CookieKey) == proto.CookieValue }

// Serve serves the extension to the host that started this process, and returns when the host has ended it. When the
// process was started by hand, or the extension's manifest does not validate, it writes one sentence to standard
// error and exits with status 1.
//
// While it serves, what the process prints goes to the host's log. Serve may be called once.
func Serve(p *plugin.Plugin) {
	if !Started() {
		fmt.Fprintln(os.Stderr, "This program is a Rapport plugin: name it in pluginhost.Config.Command of a host.")
		os.Exit(1)
	}
	if err := p.Manifest().Validate(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	watch := &watcher{gone: leave}
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: proto.Handshake(),
		Plugins:         goplugin.PluginSet{proto.Name: &side{ext: p, ending: &watch.ending}},
		Logger:          hclog.NewNullLogger(),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts,
				grpc.MaxRecvMsgSize(plugin.MaxMessage),
				grpc.MaxSendMsgSize(plugin.MaxMessage),
				grpc.MaxHeaderListSize(proto.MaxHeader),
				grpc.ChainUnaryInterceptor(proto.Recover),
				grpc.StatsHandler(watch),
			)...)
		},
	})
}

// side is the plugin's side of go-plugin.
type side struct {
	goplugin.NetRPCUnsupportedPlugin
	ext    *plugin.Plugin
	ending *atomic.Bool
}

// GRPCServer registers the extension.
func (s *side) GRPCServer(b *goplugin.GRPCBroker, srv *grpc.Server) error {
	proto.RegisterPluginServer(srv, &server{ext: s.ext, broker: b, ending: s.ending})
	return nil
}

// GRPCClient is the host's side; a plugin has none.
func (s *side) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("pluginserve: this is the plugin's side")
}
