package plugin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

// rejection is an error that gives an event up.
type rejection struct{ code string }

func (r *rejection) Error() string { return "plugin: rejected: " + r.code }

// Reject returns an error by which an event handler gives an event up: it is not delivered again and lies among the
// dead letters under the code, a machine word as of [Ack.Word].
func Reject(code string) error { return &rejection{code} }

// Deliver implements [Extension]. Deliveries are handled one after the other; when one fails, later ones of the same
// record are put off without being handled, so that order holds.
func (p *Plugin) Deliver(ctx context.Context, batch []Delivery) ([]Ack, error) {
	connect, done, err := p.begin()
	if err != nil {
		return nil, err
	}
	defer done()
	if len(batch) > MaxBatch {
		return nil, fault.Field("batch", "want at most %d deliveries, have %d", MaxBatch, len(batch))
	}
	acks := make([]Ack, len(batch))
	behind := map[ident.Ref]bool{}
	for i, d := range batch {
		key := d.Event.Record
		switch {
		case behind[key]:
			acks[i] = Ack{Event: d.Event.ID, Code: "behind"}
		case ctx.Err() != nil:
			acks[i] = Ack{Event: d.Event.ID, Code: "deadline"}
		default:
			acks[i] = p.handle(ctx, connect(d.Token), d.Event)
		}
		if acks[i].Outcome == Retry && !key.ID.IsZero() {
			behind[key] = true
		}
	}
	return acks, nil
}

func (p *Plugin) handle(ctx context.Context, h Host, e Event) (ack Ack) {
	ack.Event = e.ID
	do := p.events[e.Kind]
	if do == nil {
		ack.Outcome, ack.Code = Rejected, "not_subscribed"
		return ack
	}
	err := guard(ctx, h, string(e.Kind), func() error { return do(ctx, h, e) })
	if err == nil {
		ack.Outcome = OK
		return ack
	}
	if r, ok := errors.AsType[*rejection](err); ok {
		ack.Outcome, ack.Code = Rejected, r.code
		return ack
	}
	ack.Code = word(err)
	return ack
}

// Invoke implements [Extension].
func (p *Plugin) Invoke(ctx context.Context, c Call) (Reply, error) {
	connect, done, err := p.begin()
	if err != nil {
		return Reply{}, err
	}
	defer done()
	do := p.actions[c.Request.Action]
	if do == nil {
		f := fault.New(fault.NotFound, "the plugin has no such action")
		f.Field = "action"
		return Reply{}, f
	}
	var r Reply
	h := connect(c.Token)
	c.Request.Input = maps.Clone(c.Request.Input)
	err = guard(ctx, h, c.Request.Action, func() (err error) {
		r, err = do(ctx, h, c.Request)
		return err
	})
	if err != nil {
		return Reply{}, fault.At(c.Request.Action, err)
	}
	return r, nil
}

// guard turns a panic of a handler into a fault, so that one bad record does not end the others' work.
func guard(ctx context.Context, h Host, what string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			// The value of a panic may be personal data; its type is not.
			h.Log(ctx, slog.LevelError, "panic in a handler", "handler", what, "type", fmt.Sprintf("%T", r), "at", origin())
			f := fault.New(fault.Internal, "the handler panicked")
			f.Reason = "panic"
			err = f
		}
	}()
	return do()
}

// origin names the line that panicked. It must be called by the deferred function itself.
func origin() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// word is the machine word of an error: the reason of a fault, else its code.
func word(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Reason != "" {
		return f.Reason
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return "deadline"
	}
	return string(fault.CodeOf(err))
}
