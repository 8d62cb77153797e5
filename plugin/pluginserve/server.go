package pluginserve

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// server answers the host's calls with the extension.
type server struct {
	proto.UnimplementedPluginServer
	ext    *plugin.Plugin
	broker *goplugin.GRPCBroker
	ending *atomic.Bool

	once sync.Once
	err  error
}

// Describe returns the canonical manifest.
func (s *server) Describe(context.Context, *proto.DescribeRequest) (*proto.DescribeReply, error) {
	b, err := s.ext.Manifest().Canonical()
	if err != nil {
		return nil, status.Error(codes.Internal, "the manifest cannot be encoded")
	}
	return &proto.DescribeReply{Manifest: b}, nil
}

// Configure dials the host's call-back service and starts the extension. Only the first one counts.
func (s *server) Configure(ctx context.Context, r *proto.ConfigureRequest) (*proto.ConfigureReply, error) {
	s.once.Do(func() {
		conn, err := s.broker.DialWithOptions(r.GetHostBroker(),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(plugin.MaxMessage), grpc.MaxCallSendMsgSize(plugin.MaxMessage)),
			grpc.WithMaxHeaderListSize(proto.MaxHeader), grpc.WithIdleTimeout(0))
		if err != nil {
			s.err = fault.Wrap(fault.Unavailable, err, "plugin: the host's call-back service does not answer")
			return
		}
		s.err = s.ext.Start(ctx, proto.Connect(proto.NewHostClient(conn)))
	})
	return &proto.ConfigureReply{Fault: proto.FromFault(s.err)}, nil
}

// Deliver hands the batch to the extension.
func (s *server) Deliver(ctx context.Context, r *proto.DeliverRequest) (*proto.DeliverReply, error) {
	batch := make([]plugin.Delivery, len(r.GetDeliveries()))
	for i, d := range r.GetDeliveries() {
		e, err := proto.ToEvent(d.GetEvent())
		if err != nil {
			return &proto.DeliverReply{Fault: proto.FromFault(err)}, nil
		}
		batch[i] = plugin.Delivery{Token: d.GetToken(), Event: e}
	}
	acks, err := s.ext.Deliver(ctx, batch)
	if err != nil {
		return &proto.DeliverReply{Fault: proto.FromFault(err)}, nil
	}
	out := &proto.DeliverReply{Acks: make([]*proto.Ack, len(acks))}
	for i, a := range acks {
		out.Acks[i] = proto.FromAck(a)
	}
	return out, nil
}

// Invoke runs one action of the extension.
func (s *server) Invoke(ctx context.Context, r *proto.InvokeRequest) (*proto.InvokeReply, error) {
	id, err := proto.ToID(r.GetId())
	if err != nil {
		return &proto.InvokeReply{Fault: proto.FromFault(err)}, nil
	}
	in, err := proto.ToValues(r.GetInput())
	if err != nil {
		return &proto.InvokeReply{Fault: proto.FromFault(err)}, nil
	}
	out, err := s.ext.Invoke(ctx, call(r, id, in))
	if err != nil {
		return &proto.InvokeReply{Fault: proto.FromFault(err)}, nil
	}
	return &proto.InvokeReply{Output: proto.FromValues(out.Output)}, nil
}

func call(r *proto.InvokeRequest, id ident.ID, in plugin.Values) plugin.Call {
	return plugin.Call{Token: r.GetToken(), Request: plugin.Request{ID: id, Action: r.GetAction(), Input: in}}
}

// Drain refuses further work and waits for what is under way, as long as the host gives.
func (s *server) Drain(ctx context.Context, _ *proto.DrainRequest) (*proto.DrainReply, error) {
	s.ending.Store(true)
	if t, ok := ctx.Deadline(); ok {
		// Leave the reply time to get back.
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, t.Add(-10*time.Millisecond))
		defer cancel()
	}
	_ = s.ext.Stop(ctx) // the host's own count of calls decides; it waits no longer either way
	return &proto.DrainReply{}, nil
}
