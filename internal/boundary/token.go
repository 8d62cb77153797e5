package boundary

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/plugin"
)

// grant is what one event or action allows its handler, as long as it is being handled.
type grant struct {
	id       ident.ID
	m        *member
	tenant   string
	purpose  personal.Purpose
	subject  ident.ID    // the event or the call
	kind     event.Kind  // of the event; "" for an action
	caller   *work.Scope // who called the action; nil for an event
	depth    int         // events of plugins that led to what this handler does
	deadline time.Time
	mac      [32]byte

	calls, records atomic.Int64
}

// scope is the plugin acting for itself: its claims, its events, and what it does about events.
func (g *grant) scope() work.Scope {
	return work.Scope{Principal: ident.Plugin(g.tenant, g.m.manifest.ID), Purpose: g.purpose}
}

// reader is who reads and writes customers' data: the user who called the action, else the plugin.
func (g *grant) reader() work.Scope {
	if g.caller == nil {
		return g.scope()
	}
	s := *g.caller
	s.Once, s.Unit = "", nil
	s.Source = personal.Source{System: g.m.manifest.ID}
	return s
}

// mint makes a grant's token. revoke must be called when the handler has answered.
func (b *Boundary) mint(ctx context.Context, g *grant) (token string, revoke func(), err error) {
	key, err := b.cfg.Derive(ctx, g.tenant, "plugin-token")
	if err != nil {
		return "", nil, err
	}
	g.id = ident.NewRandom()
	b.mu.Lock()
	defer b.mu.Unlock()
	g.mac = g.sign(key, b.generation)
	b.grants[g.id] = g
	return base64.RawURLEncoding.EncodeToString(append(g.id[:], g.mac[:]...)), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.grants, g.id)
	}, nil
}

// sign binds the token to all that it allows.
func (g *grant) sign(key [32]byte, generation [16]byte) (mac [32]byte) {
	h := hmac.New(sha256.New, key[:])
	part := func(p []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	deadline := g.deadline.AppendFormat(nil, time.RFC3339Nano)
	for _, p := range [][]byte{
		generation[:], g.id[:], []byte(g.m.manifest.ID), []byte(g.tenant), []byte(g.purpose), g.subject[:], []byte(g.kind), deadline,
	} {
		part(p)
	}
	h.Sum(mac[:0])
	return mac
}

// allowed returns what a token allows the member now, and counts the call. Whatever is wrong with a token, the answer
// is the same.
func (b *Boundary) allowed(m *member, token string) (*grant, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 16+32 {
		return nil, badToken()
	}
	b.mu.Lock()
	g := b.grants[ident.ID(raw[:16])]
	b.mu.Unlock()
	if g == nil || g.m != m || !hmac.Equal(g.mac[:], raw[16:]) || time.Now().After(g.deadline) {
		return nil, badToken()
	}
	if g.calls.Add(1) > plugin.MaxCalls {
		return nil, spent("calls", plugin.MaxCalls)
	}
	return g, nil
}

// show counts records against the budget.
func (g *grant) show(n int) error {
	if g.records.Add(int64(n)) > plugin.MaxShown {
		return spent("records", plugin.MaxShown)
	}
	return nil
}

func badToken() error {
	f := fault.New(fault.Denied, "the token is unknown or has run out")
	f.Reason = "token"
	return f
}

func spent(what string, limit int) error {
	f := fault.New(fault.LimitExceeded, "one event or action may use at most %d %s", limit, what)
	f.Reason = what
	return f
}
