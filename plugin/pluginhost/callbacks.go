package pluginhost

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// callbacks answers a process's calls with the host behind each call's token.
type callbacks struct {
	proto.UnimplementedHostServer
	connect func() plugin.Connect // returns nil before Start
	lines   *printed
}

// nobody is the host before Start and after Stop.
func nobody() *proto.Fault {
	f := fault.New(fault.Unavailable, "the host is not ready for call-backs")
	f.Reason = "not_started"
	return proto.FromFault(f)
}

func (s *callbacks) host(token string) plugin.Host {
	connect := s.connect()
	if connect == nil {
		return nil
	}
	return connect(token)
}

// Query answers plugin.Host.Query.
func (s *callbacks) Query(ctx context.Context, r *proto.QueryRequest) (*proto.QueryReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &proto.QueryReply{Fault: nobody()}, nil
	}
	ids, err := proto.ToIDs(r.GetIds())
	if err != nil {
		return &proto.QueryReply{Fault: proto.FromFault(err)}, nil
	}
	values, err := proto.ToValues(r.GetArgs())
	if err != nil {
		return &proto.QueryReply{Fault: proto.FromFault(err)}, nil
	}
	args := make(map[string]any, len(values))
	for name, v := range values {
		args[name] = v
	}
	got, err := h.Query(ctx, plugin.Query{
		Entity: r.GetEntity(), IDs: ids, Fields: r.GetFields(), Where: page.Where{Expr: r.GetWhere(), Args: args},
		Limit: int(r.GetLimit()), Cursor: r.GetCursor(),
	})
	out := &proto.QueryReply{Next: got.Next, Fault: proto.FromFault(err)}
	for _, rec := range got.Items {
		out.Records = append(out.Records, proto.FromRecord(rec))
	}
	return out, nil
}

// Commit answers plugin.Host.Commit.
func (s *callbacks) Commit(ctx context.Context, r *proto.CommitRequest) (*proto.CommitReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &proto.CommitReply{Fault: nobody()}, nil
	}
	consumed, err := proto.ToIDs(r.GetConsumed())
	if err != nil {
		return &proto.CommitReply{Fault: proto.FromFault(err)}, nil
	}
	writes, err := proto.ToWrites(r.GetWrites())
	if err != nil {
		return &proto.CommitReply{Fault: proto.FromFault(err)}, nil
	}
	done, err := h.Commit(ctx, plugin.Commit{Consumed: consumed, Writes: writes})
	return &proto.CommitReply{Again: done.Again, Ids: proto.FromIDs(done.IDs), Fault: proto.FromFault(err)}, nil
}

// Claim answers the methods of plugin.Claims.
func (s *callbacks) Claim(ctx context.Context, r *proto.ClaimRequest) (*proto.ClaimReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &proto.ClaimReply{Fault: nobody()}, nil
	}
	c, ok, err := claimed(ctx, h.Claims(), r)
	out := &proto.ClaimReply{Fault: proto.FromFault(err)}
	if ok && err == nil {
		out.Claim = proto.FromClaim(c)
	}
	return out, nil
}

func claimed(ctx context.Context, cs plugin.Claims, r *proto.ClaimRequest) (c claim.Claim, ok bool, err error) {
	switch op := r.GetOp().(type) {
	case *proto.ClaimRequest_Acquire:
		req := claim.Request{For: time.Duration(op.Acquire.GetForMs()) * time.Millisecond}
		for _, k := range op.Acquire.GetKeys() {
			req.Keys = append(req.Keys, proto.ToKey(k))
		}
		if req.Holder, err = proto.ToRef(op.Acquire.GetHolder()); err == nil {
			c, err = cs.Acquire(ctx, req)
		}
		return c, true, err
	case *proto.ClaimRequest_Commit:
		id, err := proto.ToID(op.Commit)
		if err == nil {
			c, err = cs.Commit(ctx, id)
		}
		return c, true, err
	case *proto.ClaimRequest_Release:
		id, err := proto.ToID(op.Release)
		if err == nil {
			c, err = cs.Release(ctx, id)
		}
		return c, true, err
	case *proto.ClaimRequest_Of:
		return cs.Of(ctx, proto.ToKey(op.Of))
	}
	return c, false, fault.Field("op", "no such operation on claims")
}

// Get answers plugin.Host.Get.
func (s *callbacks) Get(ctx context.Context, r *proto.GetRequest) (*proto.GetReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &proto.GetReply{Fault: nobody()}, nil
	}
	v, ok, err := h.Get(ctx, r.GetKey())
	return &proto.GetReply{Value: v, Found: ok, Fault: proto.FromFault(err)}, nil
}

// Log answers plugin.Host.Log, as often as a process may print.
func (s *callbacks) Log(ctx context.Context, r *proto.LogRequest) (*proto.LogReply, error) {
	if h := s.host(r.GetToken()); h != nil && s.lines.mayLog() {
		args := make([]any, 0, len(r.GetAttrs()))
		for _, k := range slices.Sorted(maps.Keys(r.GetAttrs())) {
			if len(args) < 20 {
				args = append(args, slog.String(k, r.GetAttrs()[k]))
			}
		}
		h.Log(ctx, slog.Level(r.GetLevel()), r.GetMessage(), args...)
	}
	return &proto.LogReply{}, nil
}
