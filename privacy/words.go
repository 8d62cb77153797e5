package privacy

import "github.com/rapport-crm/rapport/core/personal"

// The built-in purposes, as package personal defines them.
const (
	Sales      = personal.Sales      // winning and serving an order
	Service    = personal.Service    // answering requests and complaints
	Marketing  = personal.Marketing  // direct marketing; denied without consent
	Billing    = personal.Billing    // invoices and payment
	Security   = personal.Security   // safety of accounts and systems
	Analytics  = personal.Analytics  // statistics and scores
	Operations = personal.Operations // running the CRM itself
	Legal      = personal.Legal      // legal duties and claims
	SubjectAsk = personal.SubjectAsk // answering a person's own request about their data
)

// The channels, as package personal defines them.
const (
	ByEmail    = personal.ByEmail
	BySMS      = personal.BySMS
	ByPhone    = personal.ByPhone
	ByPost     = personal.ByPost
	ByPush     = personal.ByPush
	BySocial   = personal.BySocial
	InPerson   = personal.InPerson
	ByAnything = personal.ByAnything // in a consent: every channel
)

// Basis is the legal ground on which personal data is processed.
type Basis string

// The bases. The first three that follow consent do not rest on the subject's will, so refusing, withdrawing and
// objecting do not end them.
const (
	OnConsent            Basis = "consent"             // the subject said yes
	OnContract           Basis = "contract"            // needed for a contract with the subject, or to answer their request
	OnLegalDuty          Basis = "legal_duty"          // the law demands it
	OnVitalInterest      Basis = "vital_interest"      // somebody's life or body is in danger
	OnLegitimateInterest Basis = "legitimate_interest" // the controller's interest, until the subject objects
	OnSoftOptIn          Basis = "soft_opt_in"         // similar products to one's own customers, opt-out offered each time
)

// Valid reports whether b is one of the bases.
func (b Basis) Valid() bool {
	switch b {
	case OnConsent, OnContract, OnLegalDuty, OnVitalInterest, OnLegitimateInterest, OnSoftOptIn:
		return true
	}
	return false
}

// imperative reports whether b holds against the subject's will.
func (b Basis) imperative() bool {
	return b == OnContract || b == OnLegalDuty || b == OnVitalInterest
}

// Act is what the subject did to say yes.
type Act string

// The acts. A box that was ticked beforehand, silence and inactivity are none.
const (
	Ticked  Act = "ticked"  // ticked an empty box, pressed a button
	Signed  Act = "signed"  // signed on paper or electronically
	Spoke   Act = "spoke"   // said so, on the telephone or in person
	Replied Act = "replied" // wrote so
)

// Valid reports whether a is one of the acts.
func (a Act) Valid() bool {
	switch a {
	case Ticked, Signed, Spoke, Replied:
		return true
	}
	return false
}
