package privacy

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// Cause says why an address is suppressed.
type Cause string

// The causes.
const (
	Unsubscribed Cause = "unsubscribed" // by a link or a reply
	Complained   Cause = "complained"   // reported as unwanted
	Registered   Cause = "registered"   // on a public register of those who want no advertising
	Erased       Cause = "erased"       // the person had their data erased
	Requested    Cause = "requested"    // asked for it in any other way
	Bounced      Cause = "bounced"      // messages come back; no consent mends that
)

// Valid reports whether c is one of the causes.
func (c Cause) Valid() bool {
	switch c {
	case Unsubscribed, Complained, Registered, Erased, Requested, Bounced:
		return true
	}
	return false
}

// Suppression keeps one address from being written to, for every purpose that is not [Purpose.Despite] of it. It
// knows the address only as a keyed digest and names no customer, so it outlives the erasure of whoever had it and
// meets them when they come back by an import.
type Suppression struct {
	schema.Meta
	// Channel is by which way the address reaches.
	Channel personal.Channel `json:"channel" crm:"class=none,readonly,required"`
	// Digest is that of the normalized address; see [keys.Ring.Blind].
	Digest []byte `json:"-" crm:"-,class=none"`
	// Cause is why, as it was last given.
	Cause Cause `json:"cause" crm:"class=none,required"`
	// Since is when it was last suppressed.
	Since time.Time `json:"since" crm:"class=none,readonly,required,sort"`
}

var suppressionKind = &work.Kind{
	Entity: schema.Of[Suppression](EntitySuppression), Module: ModuleName, Table: "crm_suppression", Permanent: true,
	Rights: work.Rights{Manager: "aannnnnn", Sales: "aannnnnn", Service: "aannnnnn", Marketing: "aannnnnn", Viewer: "nnnnnnnn"},
}

// liftedBy reports whether the subject's own, newer yes ends the suppression. Of the same instant nobody knows which
// came first, so that does not.
func (s *Suppression) liftedBy(st Standing) bool {
	return s.Cause != Bounced && st.State == Given && st.Basis == OnConsent && st.Since.After(s.Since)
}

// digest is the keyed digest of a normalized address. It ignores case: who asks not to be written to means the
// mailbox, although by the letter of the standard its name may tell A from a.
func (m *Module) digest(ctx context.Context, tenant, normal string) ([]byte, error) {
	return m.cfg.Keys.Blind(ctx, tenant, addressIndex, strings.Map(anyCase, normal))
}

// anyCase gives the same sign for all that differ in case only, for ς as for σ and Σ, which lower case tells apart.
func anyCase(r rune) rune {
	r = unicode.ToLower(r)
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	return least
}

// Suppress keeps an address from being written to from now on, whosever it is. A second time moves the instant, so
// that a consent given in between no longer lifts it.
//
// Errors: Invalid for an unknown cause or an address that is none of its channel; Denied.
func (cs Consents) Suppress(ctx context.Context, ch personal.Channel, address string, why Cause) (Suppression, error) {
	digest, err := cs.suppressed(ctx, ch, address, why)
	if err != nil {
		return Suppression{}, fault.At("suppression: set", err)
	}
	find := func(ctx context.Context, c *work.Call) (*Suppression, error) {
		// Kept under the keys of another key store, it would keep nobody from writing.
		if err := cs.m.cfg.Keys.Prove(ctx, c.Unit, c.Tenant()); err != nil {
			return nil, err
		}
		return cs.m.cfg.Store.Suppression(ctx, c, ch, digest, work.Lock)
	}
	set := work.Verb[Suppression]{
		Name: "set", Event: AddressSuppressed, Action: work.Create, Args: []any{ch, digest, why},
		Apply: func(_ context.Context, c *work.Call, rec *Suppression) error {
			rec.Channel, rec.Digest, rec.Cause, rec.Since = ch, digest, why, c.Now
			c.Touch("since") // a second time counts, also where the clock stood still
			c.Fact("cause", string(why))
			c.Fact("channel", string(ch))
			return nil
		},
	}
	rec, _, err := cs.m.suppressions.Upsert(ctx, cs.scope, find, set, set)
	return rec, err
}

// suppressed returns the digest of the address that is to be suppressed.
func (cs Consents) suppressed(ctx context.Context, ch personal.Channel, address string, why Cause) ([]byte, error) {
	var v fault.Violations
	if !ch.Valid() || ch == ByAnything {
		v.Add("channel", "want one of %v", personal.Channels())
	}
	if !why.Valid() {
		v.Add("cause", "want one of %q, %q, %q, %q, %q, %q", Unsubscribed, Complained, Registered, Erased, Requested, Bounced)
	}
	v.AddAll("", cs.scope.Validate())
	if err := v.Err(); err != nil {
		return nil, err
	}
	normal, err := cs.m.cfg.Addresses.Normalize(ctx, *cs.scope, ch, address)
	if err != nil {
		return nil, err
	}
	return cs.m.digest(ctx, cs.scope.Principal.Tenant, normal)
}
