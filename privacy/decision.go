package privacy

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Reason is the stable machine word of a decision. It is also the Reason of the NoConsent fault of a refusal.
type Reason string

// The reasons, in the order in which they are looked for; the first that applies decides. Allowed is the last.
const (
	UnknownSubject Reason = "unknown_subject" // no such customer, or none this session may write to
	IsSuppressed   Reason = "suppressed"      // the address is on the suppression list
	HasObjected    Reason = "objected"        // the subject objects
	NoBasis        Reason = "no_basis"        // nobody is contacted for the purpose, or a yes rests on a basis it does not allow
	HasRefused     Reason = "refused"         // the subject was asked and said no
	HasWithdrawn   Reason = "withdrawn"       // the subject took a yes back
	HasExpired     Reason = "expired"         // the subject's yes has ended
	WasNotAsked    Reason = "not_asked"       // the purpose needs a yes and there is none
	NoAddress      Reason = "no_address"      // nothing to reach the subject by on this channel
	IsAllowed      Reason = "allowed"         // a basis holds
)

// Sentence returns the reason in words for developers and logs.
func (r Reason) Sentence() string {
	switch r {
	case UnknownSubject:
		return "no such customer"
	case IsSuppressed:
		return "the address is suppressed: it takes a new consent of the person, and of a bounced address a new address"
	case HasObjected:
		return "the person objects to this purpose"
	case NoBasis:
		return "the purpose has no legal basis for contacting this person"
	case HasRefused:
		return "the person was asked and refused"
	case HasWithdrawn:
		return "the person withdrew consent"
	case HasExpired:
		return "the person's consent has ended: ask again"
	case WasNotAsked:
		return "the purpose needs consent and none is recorded: record it with Consents.Give"
	case NoAddress:
		return "the customer has no usable contact point for this channel"
	case IsAllowed:
		return "a legal basis holds"
	}
	return "not allowed"
}

// Decision says whether somebody may be contacted, and why.
type Decision struct {
	ID       ident.ID         // of the stored decision; zero for one that was only asked for
	Allowed  bool             // the answer
	Code     Reason           // the reason that decided
	Reason   string           // the same in a sentence, without personal data
	Basis    Basis            // of an allowed one: on what ground
	Evidence []ident.ID       // consent records that decided, oldest first; none for an assumed basis and without records
	Subject  ident.ID         // whom; the survivor of merged customers
	Purpose  personal.Purpose // for what
	Channel  personal.Channel // by which way
	At       time.Time        // the instant it holds for
	Until    time.Time        // of an allowed one: when the consent runs out; zero for never
	Repeated bool             // the same key was delivered before: this is the decision of then, and nothing was sent now
}

// facts is everything a decision rests on.
type facts struct {
	purpose    Purpose
	standing   Standing
	suppressed *Suppression // of the address; nil when it is not
	address    bool         // there is one
}

// decide finds the first reason that applies. It reads nothing but the facts, so equal facts give equal decisions.
func decide(f facts) (r Reason, b Basis, evidence []ident.ID) {
	p, s := f.purpose, f.standing
	imperative := p.Assumed.imperative()
	if f.suppressed != nil && !p.Despite && !f.suppressed.liftedBy(s) {
		return IsSuppressed, "", []ident.ID{f.suppressed.ID}
	}
	switch {
	case s.State == Objected && !imperative:
		return HasObjected, "", s.Evidence
	case len(p.Bases) == 0:
		return NoBasis, "", nil
	}
	switch {
	case s.State == Given && p.allows(s.Basis):
		b, evidence = s.Basis, s.Evidence
	case imperative:
		b = p.Assumed
	case s.State == Refused:
		return HasRefused, "", s.Evidence
	case s.State == Withdrawn:
		return HasWithdrawn, "", s.Evidence
	case p.Assumed != "":
		b = p.Assumed
	case s.State == Given:
		return NoBasis, "", s.Evidence
	case s.State == Expired:
		return HasExpired, "", s.Evidence
	default:
		return WasNotAsked, "", nil
	}
	if !f.address {
		return NoAddress, "", nil
	}
	return IsAllowed, b, evidence
}
