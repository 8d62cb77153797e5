package privacy

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
)

// Sends is the gate through which messages leave, and the only way to a customer's address for sending. It is a light
// value, safe for concurrent use unless its scope is inside a transaction; [Module.Sends] makes it.
type Sends struct {
	m     *Module
	scope *work.Scope
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
//
// On PostgreSQL it takes six round trips in two transactions: the key and the customer; the lock, what was said and the
// address; the suppression; the decision and its commit; and, after fn, the key again; the result and its commit. A
// refusal takes at most the first four, a repetition one and its end.
func (ss Sends) Deliver(ctx context.Context, send Send, fn DeliverFunc) (Decision, error) {
	const op = "send: deliver"
	if err := ss.scope.Validate(); err != nil {
		return Decision{}, fault.At(op, err)
	}
	if err := ss.check(&send); err != nil {
		return Decision{}, fault.At(op, err)
	}
	if fn == nil {
		return Decision{}, fault.At(op, fault.Field("fn", "must be a function that hands the message over"))
	}
	s := *ss.scope
	s.Purpose = send.Purpose // rights, audit and events are those of what the message is for
	s.Once = ""              // the key of the send does what it would
	ss.scope = &s
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
	a := &attempt{m: ss.m, send: send}
	v := work.Verb[Sending]{Name: "reserve", Event: SendDecided, Action: work.Send, Args: send, Apply: a.apply}
	_, _, err := ss.m.sends.Upsert(ctx, ss.scope, a.find, v, v)
	switch {
	case err == nil && a.repeated:
		a.d.Repeated = true
		return a.d, personal.Text{}, nil
	case err == nil && a.lapsed:
		return a.d, personal.Text{}, unknownFault()
	case fault.CodeOf(err) == fault.CommitUnknown && ss.scope.Unit == nil && ss.committed(ctx, send.Key, a.d.ID):
		err = nil
	case fault.CodeOf(err) == fault.NotFound && a.hidden():
		err = keyUsed()
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Reason == string(UnknownSubject) {
		return Decision{Code: UnknownSubject, Reason: UnknownSubject.Sentence(), Subject: send.Subject, Purpose: send.Purpose, Channel: send.Channel}, personal.Text{}, err
	}
	if err != nil {
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
	m        *Module
	send     Send
	old      *Sending   // what the key was used for before; nil for nothing
	ids      []ident.ID // whom the message is for
	unknown  error      // why there is nobody
	d        Decision
	to       personal.Text
	applied  bool // the caller may see the old one
	repeated bool // delivered before
	lapsed   bool // an earlier one ended without a result
}

// hidden reports whether the key was used for something that the caller may not see.
func (a *attempt) hidden() bool { return a.old != nil && !a.applied }

// find looks at the key, and in the same trip for the customer.
func (a *attempt) find(ctx context.Context, c *work.Call) (_ *Sending, err error) {
	*a = attempt{m: a.m, send: a.send}
	wait := a.m.cfg.Store.Sending(ctx, c, a.send.Key, work.Lock)
	a.ids, a.unknown = a.m.subject(ctx, c, a.send.Subject, work.Send)
	a.old, err = wait(ctx)
	return a.old, err
}

func (a *attempt) apply(ctx context.Context, c *work.Call, rec *Sending) (err error) {
	a.applied = true
	if a.old != nil {
		if err := a.again(c, rec); err != nil || a.repeated || a.lapsed {
			return err
		}
	}
	if a.unknown != nil {
		return a.unknown
	}
	if err := a.decide(ctx, c); err != nil {
		return err
	}
	rec.Key, rec.Subject, rec.Purpose, rec.Channel = a.send.Key, a.send.Subject, a.send.Purpose, a.send.Channel
	rec.put(&a.d)
	rec.State, rec.Lease = SendRefusedState, time.Time{}
	if a.d.Allowed {
		rec.State, rec.Lease = Reserved, c.Now.Add(a.m.cfg.Lease)
	}
	c.Fact("reason", string(a.d.Code))
	c.Fact("purpose", string(a.d.Purpose))
	c.Fact("channel", string(a.d.Channel))
	c.Refer(ident.Ref{Entity: "customer", ID: a.d.Subject})
	c.LineAt(c.Now)
	c.Then(func(ctx context.Context) error { return a.m.cfg.Store.AddDecision(ctx, c, &a.d) })
	return nil
}

// decide decides while it holds the subjects' heads: what they said is read behind the locks.
func (a *attempt) decide(ctx context.Context, c *work.Call) (err error) {
	a.d = Decision{ID: c.Engine.NewID(), Purpose: a.send.Purpose, Channel: a.send.Channel}
	heads, look := a.m.cfg.Store.LockHeads(ctx, c, a.ids), a.m.look(ctx, c, a.ids, &a.d)
	if _, err := heads(ctx); err != nil {
		return err
	}
	a.to, err = a.m.judge(ctx, c, look, a.ids, &a.d)
	return err
}

// again looks at what became of the key before, and goes on from there where that is allowed.
func (a *attempt) again(c *work.Call, rec *Sending) error {
	if !a.old.same(a.send) {
		return keyUsed()
	}
	switch a.old.stateAt(c.Now) {
	case Delivered:
		a.repeated, a.d = true, a.old.decision()
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

func keyUsed() error {
	f := fault.New(fault.Conflict, "the key was used for another subject, purpose or channel")
	f.Field, f.Reason = "key", "key"
	return f
}

func unknownFault() error {
	f := fault.New(fault.Conflict, "nobody knows whether an earlier call delivered this key: look at the transport, and use another key to send again")
	f.Field, f.Reason = "key", "unknown"
	return f
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
	if ss.scope.Unit == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), settleWait)
		defer cancel()
	}
	_, err := ss.m.sends.Change(ctx, ss.scope, work.Verb[Sending]{
		Name: "settle", Event: settled(state), Action: work.Send,
		Find: func(ctx context.Context, c *work.Call) (*Sending, error) {
			return ss.m.cfg.Store.Sending(ctx, c, key, work.Lock)(ctx)
		},
		Apply: func(_ context.Context, c *work.Call, rec *Sending) error {
			if rec.Decision != decision {
				return fault.New(fault.Conflict, "the key was given to another call meanwhile")
			}
			rec.State, rec.Lease = state, time.Time{}
			c.Refer(ident.Ref{Entity: "customer", ID: rec.Subject})
			c.LineAt(c.Now)
			return nil
		},
	})
	return err
}
