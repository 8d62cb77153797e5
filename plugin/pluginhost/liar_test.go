package pluginhost_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// liar is a plugin that speaks the protocol and keeps none of its promises; each event or action says which lie to tell.
type liar struct {
	goplugin.NetRPCUnsupportedPlugin
	proto.UnimplementedPluginServer
	calls *proto.HostClient
	wire  *goplugin.GRPCBroker
}

func serveLiar() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: proto.Handshake(), Plugins: goplugin.PluginSet{proto.Name: &liar{}},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server { return grpc.NewServer(opts...) },
	})
}

func (l *liar) GRPCServer(b *goplugin.GRPCBroker, srv *grpc.Server) error {
	proto.RegisterPluginServer(srv, l)
	l.wire = b
	return nil
}

func (l *liar) GRPCClient(context.Context, *goplugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("a plugin has no host's side")
}

func (l *liar) Describe(context.Context, *proto.DescribeRequest) (*proto.DescribeReply, error) {
	b, err := probe("0.1.0").Manifest().Canonical()
	return &proto.DescribeReply{Manifest: b}, err
}

func (l *liar) Configure(_ context.Context, r *proto.ConfigureRequest) (*proto.ConfigureReply, error) {
	conn, err := l.wire.Dial(r.GetHostBroker())
	if err != nil {
		return nil, err
	}
	client := proto.NewHostClient(conn)
	l.calls = &client
	return &proto.ConfigureReply{}, nil
}

func (l *liar) Deliver(_ context.Context, r *proto.DeliverRequest) (*proto.DeliverReply, error) {
	e := r.GetDeliveries()[0].GetEvent()
	good := &proto.Ack{Event: e.GetId(), Outcome: proto.AckOutcome_ACK_OUTCOME_OK}
	switch e.GetFacts()["lie"] {
	case "nothing":
		return &proto.DeliverReply{}, nil
	case "too many":
		return &proto.DeliverReply{Acks: []*proto.Ack{good, good}}, nil
	case "another event":
		other := ident.New()
		return &proto.DeliverReply{Acks: []*proto.Ack{{Event: other[:]}}}, nil
	case "no id":
		return &proto.DeliverReply{Acks: []*proto.Ack{{Event: []byte("short")}}}, nil
	case "outcome":
		return &proto.DeliverReply{Acks: []*proto.Ack{{Event: e.GetId(), Outcome: 99}}}, nil
	case "negative outcome":
		return &proto.DeliverReply{Acks: []*proto.Ack{{Event: e.GetId(), Outcome: -1}}}, nil
	case "huge":
		good.Code = strings.Repeat("x", 20<<20)
	case "for ever":
		return &proto.DeliverReply{Acks: []*proto.Ack{{Event: e.GetId(), AfterMs: math.MaxInt64}}}, nil
	}
	return &proto.DeliverReply{Acks: []*proto.Ack{good}}, nil
}

func (l *liar) Invoke(ctx context.Context, r *proto.InvokeRequest) (*proto.InvokeReply, error) {
	out := map[string]*proto.Value{}
	switch lie := r.GetInput()["text"].GetText(); lie {
	case "NaN":
		out["text"] = &proto.Value{Kind: &proto.Value_Float{Float: math.NaN()}}
	case "type":
		out["text"] = &proto.Value{Kind: &proto.Value_Int{Int: 1}}
	case "name":
		out["other"] = &proto.Value{Kind: &proto.Value_Text{Text: "x"}}
	case "long":
		out["text"] = &proto.Value{Kind: &proto.Value_Text{Text: strings.Repeat("x", 200_000)}}
	case "NUL":
		out["text"] = &proto.Value{Kind: &proto.Value_Text{Text: "a\x00"}}
	case "id":
		out["text"] = &proto.Value{Kind: &proto.Value_Id{Id: []byte("short")}}
	case "huge":
		out["text"] = &proto.Value{Kind: &proto.Value_Text{Text: strings.Repeat("x", 20<<20)}}
	case "fault":
		return &proto.InvokeReply{Fault: &proto.Fault{Code: "all is well", Message: strings.Repeat("Ada ", 1<<16)}}, nil
	default: // a call-back with a token of the plugin's own invention, and one that is far too long
		got, err := (*l.calls).Get(ctx, &proto.GetRequest{Token: lie, Key: "k"})
		if err == nil && got.GetFault().GetReason() == "token" {
			_, err = (*l.calls).Commit(ctx, &proto.CommitRequest{Token: r.GetToken(), Writes: []*proto.Write{
				{Kind: &proto.Write_Put{Put: &proto.Put{Key: "k", Value: make([]byte, 20<<20)}}},
			}})
			out["text"] = &proto.Value{Kind: &proto.Value_Text{Text: string(fault.CodeOf(proto.Lost(err)))}}
		}
	}
	return &proto.InvokeReply{Output: out}, nil
}

func TestLiesAreFoundOut(t *testing.T) {
	t.Parallel()

	cfg := config(t, "liar")
	cfg.PingMisses = 20 // large messages take their time on busy machines
	p, h := open(t, cfg)
	pid := p.PID()
	contract, size := &fault.Error{Code: fault.Internal, Reason: "contract"}, &fault.Error{Code: fault.LimitExceeded}
	for lie, want := range map[string]error{
		"nothing": contract, "too many": contract, "another event": contract, "no id": contract, "outcome": contract,
		"negative outcome": contract, "huge": size, "none": nil,
	} {
		_, err := p.Deliver(t.Context(), []plugin.Delivery{{Event: plugin.Event{
			ID: ident.New(), Kind: "customer.created", Facts: map[string]string{"lie": lie},
		}}})
		require.ErrorIs(t, err, want, lie)
	}
	acks, err := p.Deliver(t.Context(), []plugin.Delivery{{Event: plugin.Event{ID: ident.New(), Facts: map[string]string{"lie": "for ever"}}}})
	require.NoError(t, err)
	require.Equal(t, 24*time.Hour, acks[0].After)

	for lie, want := range map[string]error{
		"NaN": contract, "type": contract, "name": contract, "long": contract, "NUL": contract, "id": contract, "huge": size,
		"fault": fault.ErrInternal,
	} {
		_, err := call(t, h, "echo", lie)
		require.ErrorIs(t, err, want, lie)
		require.Less(t, len(err.Error()), 2000)
	}
	out, err := call(t, h, "echo", "a token of my own")
	require.NoError(t, err)
	require.Equal(t, string(fault.LimitExceeded), out)
	require.Equal(t, pid, p.PID(), "the process was not given up")
}
