package privacy

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

// Sends is the gate through which messages leave, and the only way to a customer's address for sending. It is a light
// value, safe for concurrent use unless its scope is inside a transaction; [Module.Sends] makes it.
type Sends struct {
	svc   *Module
	scope work.Scope
}

// DeliverFunc hands one message to a transport. to is the address; it must not be kept.
type DeliverFunc func(ctx context.Context, to personal.Text) error

// settleWait bounds how long the result of a delivery may take to store after its context has ended.
const settleWait = 30 * time.Second

// Deliver sends one message, if the subject may be contacted for the purpose on the channel. It decides in one
// transaction that holds the subject's consent, opens the address there, reserves the key and commits; then it calls
// fn with the address and stores the result.
//
// A consent that was withdrawn before Deliver decided keeps the address closed, without exception: a Withdraw that
// has returned is seen, one under way is waited for. A withdrawal that comes between the decision and the moment fn
// hands the message over does not call it back; keep fn short, and what it queues on the way shorter.
//
// fn runs at most once for each call, and of all calls under one key at most one fn ends well. When fn returns an
// error the send has failed and the same key may be used again; when it panics, or returns [ErrUnknown] or an error
// of its context, or the process dies, the outcome is unknown and the key is used up.
//
// Inside a transaction Deliver refuses to work unless [Send.Enqueue] is set: then decision, fn and result are all on
// that transaction, take effect when it commits, and hold up the subject's withdrawals until it ends. The message
// should leave the queue soon, since nobody decides again.
//
// The decision is returned beside the error of a refusal. Errors: NoConsent with the decision's code as its Reason;
// Invalid; NotFound for a customer the caller may not write to; Denied; Conflict with reason "key" when the key was
// used with other arguments, "under_way" while another call delivers it, "unknown" when an earlier outcome is
// unknown; Unavailable with reason "transport" around fn's own error, which errors.Is finds; CommitUnknown. After a
// Unavailable fault with reason "unrecorded" the message was delivered and the key is used up.
func (ss Sends) Deliver(ctx context.Context, send Send, fn DeliverFunc) (Decision, error) {
	const op = "privacy: deliver"
	if err := ss.scope.Validate(); err != nil {
		return Decision{}, fault.At(op, err)
	}
	if err := ss.check(&send); err != nil {
		return Decision{}, fault.At(op, err)
	}
	if fn == nil {
		return Decision{}, fault.At(op, fault.Field("fn", "must be a function that hands the message over"))
	}
	ss.scope.Purpose = send.Purpose // rights, audit and events are those of what the message is for
	d, to, err := ss.reserve(ctx, send)
	if err != nil || d.Repeated {
		return d, fault.At(op, err)
	}
	if !d.Allowed {
		f := fault.New(fault.NoConsent, "%s", d.Reason)
		f.Reason = string(d.Code)
		return d, fault.At(op, f)
	}
	return d, fault.At(op, ss.hand(ctx, send, d.ID, to, fn))
}

// reserve decides, stores the decision and, when it allows, opens the address.
func (ss Sends) reserve(ctx context.Context, send Send) (Decision, personal.Text, error) {
	a := &attempt{ss: ss, send: send}
	s := ss.scope
	s.Once = "" // the key of the send does what it would
	_, err := work.Write(ctx, ss.svc.cfg.Engine, s, work.Change[Sending]{
		Op: "privacy: reserve send", Entity: EntitySend, Action: work.Send, Kind: SendDecided, Args: send,
		Apply: a.apply, Save: a.save,
	})
	switch {
	case a.repeated:
		d := a.old.decision()
		d.Repeated = true
		return d, personal.Text{}, nil
	case err == nil && a.lapsed:
		return a.d, personal.Text{}, unknownFault()
	case fault.CodeOf(err) == fault.CommitUnknown && s.Unit == nil && ss.committed(ctx, send.Key, a.d.ID):
		err = nil
	}
	if err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Reason == string(UnknownSubject) {
			return Decision{Code: UnknownSubject, Reason: UnknownSubject.Sentence(), Subject: send.Subject, Purpose: send.Purpose, Channel: send.Channel}, personal.Text{}, err
		}
		return Decision{}, personal.Text{}, err
	}
	return a.d, a.to, nil
}

// committed looks whether a reservation whose commit was in doubt is there.
func (ss Sends) committed(ctx context.Context, key string, decision ident.ID) bool {
	rec, err := ss.ByKey(ctx, key)
	return err == nil && rec.Decision == decision
}

// attempt is one try at reserving a send. The write path may run it several times.
type attempt struct {
	ss       Sends
	send     Send
	old      *Sending
	d        Decision
	to       personal.Text
	repeated bool // delivered before
	lapsed   bool // an earlier one ended without a result
}

// errRepeated ends the write without writing: the key was delivered before.
var errRepeated = errors.New("privacy: delivered before")

func (a *attempt) apply(ctx context.Context, c *work.Call, rec *Sending) (err error) {
	svc := a.ss.svc
	a.repeated, a.lapsed, a.to = false, false, personal.Text{}
	if a.old, err = svc.cfg.Store.Sending(ctx, c, a.send.Key); err != nil {
		return err
	}
	if a.old != nil {
		if err := a.again(c, rec); err != nil || a.lapsed {
			return err
		}
	}
	rec.Key, rec.Subject, rec.Purpose, rec.Channel = a.send.Key, a.send.Subject, a.send.Purpose, a.send.Channel
	a.d = Decision{ID: c.Engine.NewID(), Purpose: a.send.Purpose, Channel: a.send.Channel}
	ids, err := svc.subject(ctx, c, a.send.Subject, work.Send)
	if err != nil {
		return err
	}
	if _, err = svc.cfg.Store.LockHeads(ctx, c, ids); err != nil {
		return err
	}
	if a.to, err = svc.judge(ctx, c, ids, &a.d); err != nil {
		return err
	}
	rec.put(&a.d)
	rec.State, rec.Lease = SendRefusedState, time.Time{}
	if a.d.Allowed {
		rec.State, rec.Lease = Reserved, c.Now.Add(svc.cfg.Lease)
	}
	c.Fact("reason", string(a.d.Code))
	c.Fact("purpose", string(a.d.Purpose))
	c.Fact("channel", string(a.d.Channel))
	c.Refer(ident.Ref{Entity: "customer", ID: a.d.Subject})
	c.Line(a.d.Subject, c.Now)
	return nil
}

// again looks at what became of the key before, and goes on from there where that is allowed.
func (a *attempt) again(c *work.Call, rec *Sending) error {
	if !a.old.same(a.send) || c.Access.Rows.Eval(c.Entity.Record(a.old)) != rule.Yes {
		f := fault.New(fault.Conflict, "the key was used for another subject, purpose or channel")
		f.Field, f.Reason = "key", "key"
		return f
	}
	*rec = *a.old
	switch a.old.stateAt(c.Now) {
	case Delivered:
		a.repeated = true
		return errRepeated
	case Reserved:
		f := fault.New(fault.Conflict, "another call is delivering this key")
		f.Field, f.Reason = "key", "under_way"
		return f
	case Unknown:
		if a.old.State == Unknown {
			return unknownFault()
		}
		a.lapsed, a.d = true, a.old.decision()
		rec.State, rec.Lease = Unknown, time.Time{}
		c.Fact("state", string(Unknown))
	case SendRefusedState, Failed:
	}
	return nil
}

func unknownFault() error {
	f := fault.New(fault.Conflict, "nobody knows whether an earlier call delivered this key: look at the transport, and use another key to send again")
	f.Field, f.Reason = "key", "unknown"
	return f
}

func (a *attempt) save(ctx context.Context, c *work.Call, _, rec *Sending) error {
	if !a.lapsed {
		if err := a.ss.svc.cfg.Store.AddDecision(ctx, c, &a.d); err != nil {
			return err
		}
	}
	return a.ss.svc.cfg.Store.PutSending(ctx, c, a.old, rec)
}

// hand calls fn and stores what became of it. A panic of fn goes on after the outcome is stored as unknown.
func (ss Sends) hand(ctx context.Context, send Send, decision ident.ID, to personal.Text, fn DeliverFunc) error {
	state := Unknown
	stored := false
	defer func() {
		if !stored {
			_ = ss.settle(ctx, send.Key, decision, state)
		}
	}()
	err := fn(ctx, to)
	switch {
	case err == nil:
		state = Delivered
	case errors.Is(err, ErrUnknown), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	default:
		state = Failed
	}
	stored = true
	storeErr := ss.settle(ctx, send.Key, decision, state)
	switch {
	case err != nil:
		f := fault.New(fault.Unavailable, "the transport did not take the message: %w", hide(err))
		f.Reason = "transport"
		return f
	case storeErr != nil && send.Enqueue:
		return storeErr // nothing of this transaction takes effect
	case storeErr != nil:
		f := fault.New(fault.Unavailable, "the message was delivered, but that could not be stored: %w", hide(storeErr))
		f.Reason = "unrecorded"
		return f
	}
	return nil
}

// hidden keeps an error for errors.Is and errors.As without its words, which may quote the address. It is a function,
// because printers show the fields of what an error wraps.
type hidden func() error

func hide(err error) error { return hidden(func() error { return err }) }

func (h hidden) Error() string { return "see the wrapped error" }
func (h hidden) Unwrap() error { return h() }

func settled(s SendState) event.Kind {
	switch s {
	case Delivered:
		return SendDelivered
	case Failed:
		return SendFailed
	default:
		return SendUnknown
	}
}

// settle stores the outcome, even when the caller's context has ended meanwhile.
func (ss Sends) settle(ctx context.Context, key string, decision ident.ID, state SendState) error {
	s := ss.scope
	s.Once = ""
	if s.Unit == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), settleWait)
		defer cancel()
	}
	var old *Sending
	_, err := work.Write(ctx, ss.svc.cfg.Engine, s, work.Change[Sending]{
		Op: "privacy: settle send", Entity: EntitySend, Action: work.Send, Kind: settled(state),
		Load: func(ctx context.Context, c *work.Call) (*Sending, error) {
			rec, err := ss.load(ctx, c, key)
			old = rec
			return rec, err
		},
		Apply: func(_ context.Context, c *work.Call, rec *Sending) error {
			if rec.Decision != decision {
				return fault.New(fault.Conflict, "the key was given to another call meanwhile")
			}
			rec.State, rec.Lease = state, time.Time{}
			c.Refer(ident.Ref{Entity: "customer", ID: rec.Subject})
			c.Line(rec.Subject, c.Now)
			return nil
		},
		Save: func(ctx context.Context, c *work.Call, _, rec *Sending) error {
			return ss.svc.cfg.Store.PutSending(ctx, c, old, rec)
		},
	})
	return err
}

// load returns the send of a key within the rows of the call's access.
func (ss Sends) load(ctx context.Context, c *work.Call, key string) (*Sending, error) {
	rec, err := ss.svc.cfg.Store.Sending(ctx, c, key)
	if err != nil {
		return nil, err
	}
	if rec == nil || c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes {
		return nil, fault.New(fault.NotFound, "no such send")
	}
	return rec, nil
}
