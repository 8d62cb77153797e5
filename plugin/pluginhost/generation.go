package pluginhost

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// killBound is how long the remains of a killed process may take to go away before they are left to themselves.
const killBound = 5 * time.Second

// generation is one process from start to end, with everything that belongs to it. go-plugin's clients and the hashes
// in them work once, so each generation has its own.
type generation struct {
	dir      string
	proc     *process
	out      *printed
	client   *goplugin.Client
	wire     *wire
	manifest plugin.Manifest

	mu      sync.Mutex
	conns   []*grpc.ClientConn // every connection go-plugin has made: it loses track of some when a start fails
	backing *grpc.Server       // the call-back service
	closed  bool
	serving sync.WaitGroup

	calls sync.WaitGroup // under way

	loss sync.Once
	lost chan struct{} // closed when a call found the connection gone
}

// wire is what the host's side of go-plugin dispenses.
type wire struct {
	goplugin.NetRPCUnsupportedPlugin
	broker *goplugin.GRPCBroker
	conn   *grpc.ClientConn
	plugin proto.PluginClient
	health grpc_health_v1.HealthClient
}

// GRPCServer is the plugin's side; a host has none.
func (*wire) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return fault.New(fault.Internal, "pluginhost: this is the host's side")
}

// GRPCClient implements go-plugin's GRPCPlugin.
func (*wire) GRPCClient(_ context.Context, b *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &wire{
		broker: b, conn: conn, plugin: proto.NewPluginClient(conn), health: grpc_health_v1.NewHealthClient(conn),
	}, nil
}

// launch starts a process and brings it to readiness, or leaves nothing behind. It returns within StartTimeout and
// the bounds of killing.
func launch(ctx context.Context, cfg *Config, connect func() plugin.Connect) (*generation, error) {
	g := &generation{out: newPrinted(cfg.Logger), lost: make(chan struct{})}
	file, err := verify(cfg.Command[0], cfg.SHA256)
	if err != nil {
		return nil, err
	}
	if g.dir, err = os.MkdirTemp(cfg.TempDir, "rp"); err != nil {
		_ = file.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "pluginhost: no private directory")
	}
	g.client = goplugin.NewClient(g.settings(cfg, file))
	ctx, cancel := context.WithTimeout(ctx, cfg.StartTimeout)
	defer cancel()

	ready := make(chan struct{})
	var greeting error
	go func() {
		greeting = g.greet(ctx, connect)
		close(ready)
	}()
	select {
	case <-ready:
		err = greeting
	case <-ctx.Done():
		g.kill()
		err = fault.Wrap(fault.Unavailable, ctx.Err(), "pluginhost: the plugin was not ready in time")
		wait(ready, killBound)
	}
	_ = file.Close()
	if err != nil {
		g.destroy(cfg.Logger)
		return nil, startFault(err, g.out.first())
	}
	return g, nil
}

func (g *generation) settings(cfg *Config, file *os.File) *goplugin.ClientConfig {
	return &goplugin.ClientConfig{
		HandshakeConfig:  proto.Handshake(),
		Plugins:          goplugin.PluginSet{proto.Name: &wire{}},
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     cfg.StartTimeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: g.dir},
		MaxPort:          1, // with the least port 0: whatever port is free, where there are no Unix sockets
		Logger:           hclog.NewNullLogger(),
		SyncStdout:       &sink{p: g.out, stream: "stdout"},
		SyncStderr:       &sink{p: g.out, stream: "stderr"},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			p := newProcess(file, cfg.Command, append(cfg.environment(g.dir), cmd.Env...), g.dir, g.out)
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.closed {
				return nil, fault.New(fault.Unavailable, "pluginhost: stopped")
			}
			g.proc = p
			return p, nil
		},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(plugin.MaxMessage), grpc.MaxCallSendMsgSize(plugin.MaxMessage)),
			grpc.WithMaxHeaderListSize(proto.MaxHeader),
			grpc.WithIdleTimeout(0),
			grpc.WithChainStreamInterceptor(g.seen),
		},
	}
}

// seen remembers the connections that go-plugin makes; each opens a stream first of all.
func (g *generation) seen(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	g.mu.Lock()
	g.conns = append(g.conns, conn)
	g.mu.Unlock()
	return open(ctx, desc, conn, method, opts...)
}

// greet brings the process to readiness: handshake, manifest, call-back service.
func (g *generation) greet(ctx context.Context, connect func() plugin.Connect) error {
	protocol, err := g.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(proto.Name)
	if err != nil {
		return err
	}
	w := raw.(*wire) //nolint:forcetypeassert // wire.GRPCClient returns nothing else
	g.wire = w
	d, err := w.plugin.Describe(ctx, &proto.DescribeRequest{})
	if err != nil {
		return proto.Lost(err)
	}
	if g.manifest, err = plugin.ParseManifest(d.GetManifest()); err != nil {
		return err
	}
	id := w.broker.NextId()
	g.serving.Go(func() { w.broker.AcceptAndServe(id, g.callbacks(connect)) })
	c, err := w.plugin.Configure(ctx, &proto.ConfigureRequest{HostBroker: id})
	if err != nil {
		return proto.Lost(err)
	}
	return proto.ToFault(c.GetFault())
}

// callbacks makes the call-back service of this generation.
func (g *generation) callbacks(connect func() plugin.Connect) func([]grpc.ServerOption) *grpc.Server {
	return func(opts []grpc.ServerOption) *grpc.Server {
		srv := grpc.NewServer(append(opts,
			grpc.MaxRecvMsgSize(plugin.MaxMessage),
			grpc.MaxSendMsgSize(plugin.MaxMessage),
			grpc.MaxHeaderListSize(proto.MaxHeader),
			grpc.MaxConcurrentStreams(64),
			grpc.ChainUnaryInterceptor(proto.Recover),
		)...)
		proto.RegisterHostServer(srv, &proto.Callbacks{Connect: connect, MayLog: g.out.mayLog})
		g.mu.Lock()
		defer g.mu.Unlock()
		g.backing = srv
		if g.closed {
			srv.Stop()
		}
		return srv
	}
}

// exited is closed when the process has ended.
func (g *generation) exited() <-chan struct{} { return g.proc.done }

// ping asks for a sign of life.
func (g *generation) ping(ctx context.Context) error {
	_, err := g.wire.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: goplugin.GRPCServiceName})
	return err
}

// kill ends the process and its group at once.
func (g *generation) kill() {
	g.mu.Lock()
	g.closed = true
	p := g.proc
	g.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// destroy ends the process if it still runs, and frees everything that belongs to it. go-plugin's own Kill has no
// bound, so it runs aside, after the process is dead.
func (g *generation) destroy(log *slog.Logger) {
	g.kill()
	g.mu.Lock()
	backing := g.backing
	g.mu.Unlock()
	if backing != nil {
		backing.Stop()
	}
	cleaned := make(chan struct{})
	go func() {
		g.client.Kill()
		g.mu.Lock()
		for _, c := range g.conns {
			_ = c.Close()
		}
		g.mu.Unlock()
		g.serving.Wait()
		if g.proc != nil && g.proc.pid != 0 {
			<-g.proc.done
		}
		close(cleaned)
	}()
	if !wait(cleaned, killBound) {
		log.Error("plugin: a killed process does not go away", "pid", g.pid())
	}
	_ = os.RemoveAll(g.dir)
}

func (g *generation) pid() int {
	if g.proc == nil {
		return 0
	}
	return g.proc.pid
}

// wait reports whether the channel was closed in time.
func wait(c <-chan struct{}, bound time.Duration) bool {
	t := time.NewTimer(bound)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// startFault words the failure of a start: faults that tell an administrator what to do stay as they are. What the
// process printed, which go-plugin's message may quote too, says most, and is cut.
func startFault(err error, printed []string) error {
	f, ok := errors.AsType[*fault.Error](err)
	text := err.Error()
	switch {
	case ok && slices.Contains([]fault.Code{fault.Invalid, fault.Denied, fault.Conflict, fault.NotFound}, f.Code):
		return err
	case ok && f.Reason == "plugin_lost":
		text = "it went away before it was ready"
	}
	text = clip(text)
	if len(printed) > 0 {
		text += "; it printed: " + clip(strings.Join(printed, " / "))
	}
	f = fault.New(fault.Unavailable, "the plugin did not start: %s", text)
	f.Reason = "start"
	return f
}

func clip(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
