package proto

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/plugin"
)

// Callbacks answers a plugin's calls with the host behind each call's token. Both functions must be set.
type Callbacks struct {
	UnimplementedHostServer
	Connect func() plugin.Connect // returns nil as long as there is no host
	MayLog  func() bool           // whether the plugin may log another line
}

// nobody is the host before Start and after Stop.
func nobody() *Fault {
	f := fault.New(fault.Unavailable, "the host is not ready for call-backs")
	f.Reason = "not_started"
	return FromFault(f)
}

func (s *Callbacks) host(token string) plugin.Host {
	connect := s.Connect()
	if connect == nil {
		return nil
	}
	return connect(token)
}

// Query answers plugin.Host.Query.
func (s *Callbacks) Query(ctx context.Context, r *QueryRequest) (*QueryReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &QueryReply{Fault: nobody()}, nil
	}
	ids, err := ToIDs(r.GetIds().GetList())
	if err != nil {
		return &QueryReply{Fault: FromFault(err)}, nil
	}
	if r.GetIds() != nil && ids == nil {
		ids = []ident.ID{} // none, which is not the same as all
	}
	fields := r.GetFields().GetList()
	if r.GetFields() != nil && fields == nil {
		fields = []string{}
	}
	values, err := ToValues(r.GetArgs())
	if err != nil {
		return &QueryReply{Fault: FromFault(err)}, nil
	}
	args := make(map[string]any, len(values))
	for name, v := range values {
		args[name] = v
	}
	got, err := h.Query(ctx, plugin.Query{
		Entity: r.GetEntity(), IDs: ids, Fields: fields, Where: page.Where{Expr: r.GetWhere(), Args: args},
		Limit: int(r.GetLimit()), Cursor: r.GetCursor(),
	})
	out := &QueryReply{Next: got.Next, Fault: FromFault(err)}
	for _, rec := range got.Items {
		out.Records = append(out.Records, FromRecord(rec))
	}
	return out, nil
}

// Commit answers plugin.Host.Commit.
func (s *Callbacks) Commit(ctx context.Context, r *CommitRequest) (*CommitReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &CommitReply{Fault: nobody()}, nil
	}
	consumed, err := ToIDs(r.GetConsumed())
	if err != nil {
		return &CommitReply{Fault: FromFault(err)}, nil
	}
	writes, err := ToWrites(r.GetWrites())
	if err != nil {
		return &CommitReply{Fault: FromFault(err)}, nil
	}
	done, err := h.Commit(ctx, plugin.Commit{Consumed: consumed, Writes: writes})
	return &CommitReply{Again: done.Again, Ids: FromIDs(done.IDs), Fault: FromFault(err)}, nil
}

// Claim answers the methods of plugin.Claims.
func (s *Callbacks) Claim(ctx context.Context, r *ClaimRequest) (*ClaimReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &ClaimReply{Fault: nobody()}, nil
	}
	c, ok, err := claimed(ctx, h.Claims(), r)
	out := &ClaimReply{Fault: FromFault(err)}
	if ok && err == nil {
		out.Claim = FromClaim(c)
	}
	return out, nil
}

func claimed(ctx context.Context, cs plugin.Claims, r *ClaimRequest) (c claim.Claim, ok bool, err error) {
	switch op := r.GetOp().(type) {
	case *ClaimRequest_Acquire:
		req := claim.Request{For: time.Duration(min(op.Acquire.GetForMs(), claim.MaxFor.Milliseconds()+1)) * time.Millisecond}
		for _, k := range op.Acquire.GetKeys() {
			req.Keys = append(req.Keys, ToKey(k))
		}
		if req.Holder, err = ToRef(op.Acquire.GetHolder()); err == nil {
			c, err = cs.Acquire(ctx, req)
		}
		return c, true, err
	case *ClaimRequest_Commit:
		id, err := ToID(op.Commit)
		if err == nil {
			c, err = cs.Commit(ctx, id)
		}
		return c, true, err
	case *ClaimRequest_Release:
		id, err := ToID(op.Release)
		if err == nil {
			c, err = cs.Release(ctx, id)
		}
		return c, true, err
	case *ClaimRequest_Of:
		return cs.Of(ctx, ToKey(op.Of))
	}
	return c, false, fault.Field("op", "no such operation on claims")
}

// Get answers plugin.Host.Get.
func (s *Callbacks) Get(ctx context.Context, r *GetRequest) (*GetReply, error) {
	h := s.host(r.GetToken())
	if h == nil {
		return &GetReply{Fault: nobody()}, nil
	}
	v, ok, err := h.Get(ctx, r.GetKey())
	return &GetReply{Value: v, Found: ok, Fault: FromFault(err)}, nil
}

// Log answers plugin.Host.Log, as often as a process may print.
func (s *Callbacks) Log(ctx context.Context, r *LogRequest) (*LogReply, error) {
	if h := s.host(r.GetToken()); h != nil && s.MayLog() {
		args := make([]any, 0, len(r.GetAttrs()))
		for _, k := range slices.Sorted(maps.Keys(r.GetAttrs())) {
			if len(args) < 20 {
				args = append(args, slog.String(k, r.GetAttrs()[k]))
			}
		}
		h.Log(ctx, slog.Level(r.GetLevel()), r.GetMessage(), args...)
	}
	return &LogReply{}, nil
}
