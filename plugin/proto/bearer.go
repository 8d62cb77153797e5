package proto

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/plugin"
)

// host is plugin.Host over the wire, bound to one token.
type host struct {
	client HostClient
	token  string
}

// Connect returns the host behind a connection, for [plugin.Extension.Start]: the plugin's side of the call-backs that
// [Callbacks] answers.
func Connect(client HostClient) plugin.Connect {
	return func(token string) plugin.Host { return &host{client, token} }
}

var (
	_ plugin.Host   = (*host)(nil)
	_ plugin.Claims = (*claims)(nil)
)

// Query implements plugin.Host.
func (h *host) Query(ctx context.Context, q plugin.Query) (page.Page[plugin.Record], error) {
	var out page.Page[plugin.Record]
	req := &QueryRequest{
		Token: h.token, Entity: q.Entity,
		Where: q.Where.Expr, Limit: int32(min(max(q.Limit, -1), plugin.MaxRecords+1)), Cursor: q.Cursor, //nolint:gosec // bounded
	}
	if q.IDs != nil {
		req.Ids = &Ids{List: FromIDs(q.IDs)}
	}
	if q.Fields != nil {
		req.Fields = &Texts{List: q.Fields}
	}
	args, err := plugin.ValuesOf(q.Where.Args)
	if err != nil {
		return out, err
	}
	req.Args = FromValues(args)
	r, err := h.client.Query(ctx, req)
	if err := failure(r, err); err != nil {
		return out, err
	}
	out.Next = r.GetNext()
	out.Items = make([]plugin.Record, len(r.GetRecords()))
	for i, x := range r.GetRecords() {
		if out.Items[i], err = ToRecord(x); err != nil {
			return page.Page[plugin.Record]{}, err
		}
	}
	return out, nil
}

// Commit implements plugin.Host.
func (h *host) Commit(ctx context.Context, c plugin.Commit) (plugin.Committed, error) {
	req := &CommitRequest{Token: h.token, Consumed: FromIDs(c.Consumed)}
	for _, w := range c.Writes {
		x, err := FromWrite(w)
		if err != nil {
			return plugin.Committed{}, err
		}
		req.Writes = append(req.Writes, x)
	}
	r, err := h.client.Commit(ctx, req)
	if err := failure(r, err); err != nil {
		return plugin.Committed{}, err
	}
	out := plugin.Committed{Again: r.GetAgain()}
	for _, b := range r.GetIds() {
		id, err := ToID(b)
		if err != nil {
			return plugin.Committed{}, err
		}
		out.IDs = append(out.IDs, id)
	}
	return out, nil
}

// Get implements plugin.Host.
func (h *host) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	r, err := h.client.Get(ctx, &GetRequest{Token: h.token, Key: key})
	return r.GetValue(), r.GetFound(), failure(r, err)
}

// Log implements plugin.Host. A line that cannot be handed over is lost.
func (h *host) Log(ctx context.Context, level slog.Level, msg string, args ...any) {
	req := &LogRequest{Token: h.token, Level: int32(level), Message: cut(msg), Attrs: map[string]string{}} //nolint:gosec // small
	rec := slog.NewRecord(time.Time{}, level, msg, 0)
	rec.Add(args...)
	rec.Attrs(func(a slog.Attr) bool {
		req.Attrs[cut(a.Key)] = cut(fmt.Sprint(a.Value.Resolve()))
		return true
	})
	_, _ = h.client.Log(ctx, req)
}

// Claims implements plugin.Host.
func (h *host) Claims() plugin.Claims { return &claims{h} }

type claims struct{ *host }

// Acquire implements plugin.Claims.
func (c *claims) Acquire(ctx context.Context, r claim.Request) (claim.Claim, error) {
	req := &Acquire{Holder: FromRef(r.Holder), ForMs: r.For.Milliseconds()}
	for _, k := range r.Keys {
		req.Keys = append(req.Keys, FromKey(k))
	}
	return c.ask(ctx, &ClaimRequest{Token: c.token, Op: &ClaimRequest_Acquire{Acquire: req}})
}

// Commit implements plugin.Claims.
func (c *claims) Commit(ctx context.Context, id ident.ID) (claim.Claim, error) {
	return c.ask(ctx, &ClaimRequest{Token: c.token, Op: &ClaimRequest_Commit{Commit: FromID(id)}})
}

// Release implements plugin.Claims.
func (c *claims) Release(ctx context.Context, id ident.ID) (claim.Claim, error) {
	return c.ask(ctx, &ClaimRequest{Token: c.token, Op: &ClaimRequest_Release{Release: FromID(id)}})
}

// Of implements plugin.Claims.
func (c *claims) Of(ctx context.Context, k claim.Key) (cl claim.Claim, ok bool, err error) {
	cl, err = c.ask(ctx, &ClaimRequest{Token: c.token, Op: &ClaimRequest_Of{Of: FromKey(k)}})
	return cl, !cl.ID.IsZero(), err
}

func (c *claims) ask(ctx context.Context, req *ClaimRequest) (claim.Claim, error) {
	r, err := c.client.Claim(ctx, req)
	if err := failure(r, err); err != nil || r.GetClaim() == nil {
		return claim.Claim{}, err
	}
	return ToClaim(r.GetClaim())
}

// failure joins what the transport and the host say.
func failure(r interface{ GetFault() *Fault }, err error) error {
	if err != nil {
		return Lost(err)
	}
	return ToFault(r.GetFault())
}
