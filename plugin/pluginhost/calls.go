package pluginhost

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// Deliver implements [plugin.Extension].
//
// Errors: Unavailable with reason "plugin_down", "plugin_lost", "quarantined", "stopped", "busy" or "deadline";
// LimitExceeded for a batch or an answer over the limit; Internal with reason "contract" for an answer that does not
// fit the batch.
func (p *Process) Deliver(ctx context.Context, batch []plugin.Delivery) ([]plugin.Ack, error) {
	const op = "pluginhost: deliver"
	ctx, g, done, err := p.begin(ctx)
	if err != nil {
		return nil, fault.At(op, err)
	}
	defer done()
	req := &proto.DeliverRequest{Deliveries: make([]*proto.Delivery, len(batch))}
	for i, d := range batch {
		req.Deliveries[i] = &proto.Delivery{Token: d.Token, Event: proto.FromEvent(d.Event)}
	}
	r, err := g.wire.plugin.Deliver(ctx, req)
	if err != nil {
		return nil, fault.At(op, p.lost(ctx, g, err))
	}
	if r.GetFault() != nil {
		return nil, fault.At(op, proto.ToFault(r.GetFault()))
	}
	return answered(batch, r.GetAcks())
}

// answered checks that there is one ack per delivery, in order.
func answered(batch []plugin.Delivery, acks []*proto.Ack) ([]plugin.Ack, error) {
	if len(acks) != len(batch) {
		return nil, breach("the plugin acknowledged %d of %d events", len(acks), len(batch))
	}
	out := make([]plugin.Ack, len(batch))
	for i, a := range acks {
		id, err := proto.ToID(a.GetEvent())
		if err != nil || id != batch[i].Event.ID || a.GetOutcome() > proto.AckOutcome_ACK_OUTCOME_REJECT || a.GetOutcome() < 0 {
			return nil, breach("the plugin's ack %d does not fit its event", i)
		}
		after := min(max(a.GetAfterMs(), 0), (24 * time.Hour).Milliseconds())
		out[i] = plugin.Ack{
			Event: id, Outcome: plugin.Outcome(a.GetOutcome()), After: time.Duration(after) * time.Millisecond, //nolint:gosec // checked above
			Code: a.GetCode()[:min(len(a.GetCode()), 64)],
		}
	}
	return out, nil
}

// Invoke implements [plugin.Extension]. A fault of the handler comes back as it is.
//
// Errors: those of the handler, and those of Deliver.
func (p *Process) Invoke(ctx context.Context, c plugin.Call) (plugin.Reply, error) {
	const op = "pluginhost: invoke"
	ctx, g, done, err := p.begin(ctx)
	if err != nil {
		return plugin.Reply{}, fault.At(op, err)
	}
	defer done()
	r, err := g.wire.plugin.Invoke(ctx, &proto.InvokeRequest{
		Token: c.Token, Action: c.Request.Action, Id: proto.FromID(c.Request.ID), Input: proto.FromValues(c.Request.Input),
	})
	if err != nil {
		return plugin.Reply{}, fault.At(op, p.lost(ctx, g, err))
	}
	if r.GetFault() != nil {
		return plugin.Reply{}, fault.At(op, proto.ToFault(r.GetFault()))
	}
	out, err := proto.ToValues(r.GetOutput())
	if err != nil {
		return plugin.Reply{}, fault.At(op, breach("the plugin's answer is malformed: %w", err))
	}
	return plugin.Reply{Output: out}, nil
}

// lost words a failure of the transport and draws the consequence.
func (p *Process) lost(ctx context.Context, g *generation, err error) error {
	switch status.Code(err) {
	case codes.Unavailable:
		p.distrust(g)
	case codes.Canceled:
		if ctx.Err() == nil { // the supervisor has closed the connection
			err = status.Error(codes.Unavailable, "closed")
		}
	default:
	}
	return proto.Lost(err)
}

// begin takes a slot and a ready generation, and bounds the call.
func (p *Process) begin(ctx context.Context) (bounded context.Context, g *generation, done func(), err error) {
	cancel := context.CancelFunc(func() {})
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, p.cfg.CallTimeout)
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		cancel()
		return nil, nil, nil, down("busy", "the plugin has as many calls as it may: repeat later")
	}
	g, end, err := p.acquire(ctx, p.cfg.WaitReady)
	if err != nil {
		<-p.slots
		cancel()
		return nil, nil, nil, err
	}
	return ctx, g, func() {
		end()
		<-p.slots
		cancel()
	}, nil
}

func breach(format string, args ...any) error {
	f := fault.New(fault.Internal, format, args...)
	f.Reason = "contract"
	return f
}
