package privacy

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
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
	Channel personal.Channel `json:"channel" crm:"channel,class=none,readonly,required"` // by which way the address reaches
	Digest  []byte           `json:"-" crm:"-,class=none"`                               // of the normalised address; see [keys.Ring.Blind]
	Cause   Cause            `json:"cause" crm:"cause,class=none,required"`              // why, as it was last given
	Since   time.Time        `json:"since" crm:"since,class=none,readonly,sort"`         // when it was last suppressed
}

// liftedBy reports whether the subject's own, newer yes ends the suppression. Of the same instant nobody knows which
// came first, so that does not.
func (s *Suppression) liftedBy(st Standing) bool {
	return s.Cause != Bounced && st.State == Given && st.Basis == OnConsent && st.Since.After(s.Since)
}

// digest is the keyed digest of a normalised address. It ignores case: who asks not to be written to means the
// mailbox, although by the letter of the standard its name may tell A from a.
func (s *Module) digest(ctx context.Context, tenant, normal string) ([]byte, error) {
	return s.cfg.Keys.Blind(ctx, tenant, addressIndex, strings.Map(anyCase, normal))
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
	const op = "privacy: suppress"
	var v fault.Violations
	if !ch.Valid() || ch == ByAnything {
		v.Add("channel", "want one of %v", personal.Channels())
	}
	if !why.Valid() {
		v.Add("cause", "want one of %q, %q, %q, %q, %q, %q", Unsubscribed, Complained, Registered, Erased, Requested, Bounced)
	}
	if err := v.Err(); err != nil {
		return Suppression{}, fault.At(op, err)
	}
	if err := cs.scope.Validate(); err != nil {
		return Suppression{}, fault.At(op, err)
	}
	var out Suppression
	err := cs.svc.cfg.Engine.Units.Write(ctx, cs.scope.Unit, func(ctx context.Context, u work.Unit) error {
		s := cs.scope
		s.Unit = u
		normal, err := cs.svc.cfg.Subjects.Normalise(ctx, s, ch, address)
		if err != nil {
			return err
		}
		// Kept under the keys of another key store, it would keep nobody from writing.
		if err := cs.svc.cfg.Keys.Prove(ctx, u, s.Principal.Tenant); err != nil {
			return err
		}
		digest, err := cs.svc.digest(ctx, s.Principal.Tenant, normal)
		if err != nil {
			return err
		}
		out, err = cs.suppress(ctx, s, ch, digest, why)
		return err
	})
	return out, fault.At(op, err)
}

func (cs Consents) suppress(ctx context.Context, s work.Scope, ch personal.Channel, digest []byte, why Cause) (Suppression, error) {
	store := cs.svc.cfg.Store
	var old *Suppression
	return work.Write(ctx, cs.svc.cfg.Engine, s, work.Change[Suppression]{
		Op: "privacy: suppress", Entity: EntitySuppression, Action: work.Create, Kind: AddressSuppressed,
		Args: []any{ch, digest, why},
		Apply: func(ctx context.Context, c *work.Call, rec *Suppression) (err error) {
			if old, err = store.Suppression(ctx, c, ch, digest); err != nil {
				return err
			}
			if old != nil {
				rec.Meta = old.Meta
			}
			rec.Channel, rec.Digest, rec.Cause, rec.Since = ch, digest, why, c.Now
			c.Fact("cause", string(why))
			c.Fact("channel", string(ch))
			return nil
		},
		Save: func(ctx context.Context, c *work.Call, _, rec *Suppression) error {
			return store.PutSuppression(ctx, c, old, rec)
		},
		Replay: func(ctx context.Context, c *work.Call, id ident.ID) (*Suppression, error) {
			return store.SuppressionByID(ctx, c, id)
		},
	})
}
