package privacy

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// State is what a subject said about one purpose and channel, or where they stand when all they said is put together.
type State string

// The states. The first four are also what one [Consent] record can say.
const (
	Given     State = "given"     // said yes
	Refused   State = "refused"   // was asked and said no
	Withdrawn State = "withdrawn" // took a yes back
	Objected  State = "objected"  // objects to the processing, whatever its basis
	NotAsked  State = "not_asked" // nothing is recorded
	Expired   State = "expired"   // said yes for a time that is over
)

// States returns every state in a fixed order.
func States() []State { return []State{NotAsked, Given, Expired, Refused, Withdrawn, Objected} }

// Consent is one thing a subject said, with its evidence. Records are only ever added: nobody changes or deletes what
// was said, and where a subject stands is computed from all of it, see [Consents.At].
type Consent struct {
	schema.Meta
	// Subject is the customer, under the id it had then.
	Subject ident.ID `json:"subject" crm:"class=none,readonly,required,ref=customer,subject"`
	// Seq is the order of recording, of everything its subjects said.
	Seq int64 `json:"seq" crm:"class=none,readonly"`
	// Covers are further ids that were merged with the subject then.
	Covers []ident.ID `json:"covers,omitempty" crm:"class=none,readonly"`
	// State is what was said.
	State State `json:"state" crm:"class=none,enum=given|refused|withdrawn|objected,readonly,required"`
	// Purpose is for what.
	Purpose personal.Purpose `json:"purpose" crm:"class=none,max=64,readonly,required"`
	// Channel is by which way; [ByAnything] for all.
	Channel personal.Channel `json:"channel" crm:"class=none,readonly,required"`
	// Basis is that of a yes: consent or soft opt-in.
	Basis Basis `json:"basis,omitempty" crm:"class=none,readonly"`
	// Notice is the id of the text the subject saw.
	Notice string `json:"notice,omitempty" crm:"class=none,max=200,readonly"`
	// NoticeHash is the SHA-256 of that text in hexadecimal.
	NoticeHash string `json:"notice_hash,omitempty" crm:"class=none,max=64,readonly"`
	// Act is what the subject did.
	Act Act `json:"act,omitempty" crm:"class=none,readonly"`
	// Evidence is proof in words: form, recording, address of origin; sealed.
	Evidence personal.Text `json:"evidence,omitzero" crm:"class=content,max=4000,readonly"`
	// At is when it was said.
	At time.Time `json:"at" crm:"class=none,readonly,required,sort"`
	// Until is when a yes ends; zero for never.
	Until time.Time `json:"until,omitzero" crm:"class=none,readonly"`
}

// Notice names the text on which a consent rests.
type Notice struct {
	ID   string            // the host's name and version of it, such as "newsletter-3", 1 to 200 bytes
	Hash [sha256.Size]byte // SHA-256 of exactly what was shown
}

// NoticeOf returns the Notice of a text under a name.
func NoticeOf(id, text string) Notice { return Notice{ID: id, Hash: sha256.Sum256([]byte(text))} }

// ConsentDraft is a yes to be recorded.
type ConsentDraft struct {
	ID       ident.ID         // the host's own id for the record, or zero
	Subject  ident.ID         `crm:"-"` // the customer
	Purpose  personal.Purpose // for what. Defaults to the purpose of the session
	Channel  personal.Channel // by which way; [ByAnything] for all
	Basis    Basis            // Defaults to [OnConsent]; [OnSoftOptIn] where the purpose allows it
	Notice   Notice           `crm:"-"` // the text that was shown
	Act      Act              // what the subject did
	Evidence string           // proof in words, sealed; at most 4,000 characters
	At       time.Time        // when it was said, for what is recorded later. Defaults to now; not in the future
	ValidFor time.Duration    `crm:"-"` // how long the yes holds from At; 0 means until it is withdrawn
}

// ChoiceDraft is a no of any kind to be recorded. It asks for less than a yes does, so withdrawing is as easy as
// giving.
type ChoiceDraft struct {
	ID       ident.ID         // the host's own id for the record, or zero
	Subject  ident.ID         `crm:"-"` // the customer
	Purpose  personal.Purpose // for what. Defaults to the purpose of the session
	Channel  personal.Channel // by which way. Defaults to [ByAnything]
	Evidence string           // proof in words, sealed; at most 4,000 characters
	At       time.Time        // when it was said. Defaults to now; not in the future. It counts from when it is recorded
}

// maxValid bounds how long a yes may hold: far more than any notice lasts, and safe to add to a date.
const maxValid = 100 * 365 * 24 * time.Hour

// check adds what is wrong with whatever was said.
func (rec *Consent) check(v *fault.Violations, purposes *Purposes, now time.Time) {
	if _, ok := purposes.Get(rec.Purpose); !ok {
		v.AddAll("", purposes.unknown("purpose"))
	}
	if !rec.Channel.Valid() {
		v.Add("channel", "want one of %v, or %q", personal.Channels(), ByAnything)
	}
	v.AddAll("", schema.CheckText("evidence", rec.Evidence.Reveal(), 4000))
	if rec.At.After(now) || rec.At.Year() < 1900 {
		v.Add("at", "must not lie in the future, nor before 1900")
	}
}

// fill puts what only a yes has into its record, and adds what is wrong with it.
func (d *ConsentDraft) fill(v *fault.Violations, rec *Consent, purposes *Purposes) {
	p, _ := purposes.Get(d.Purpose)
	if d.Basis != OnConsent && d.Basis != OnSoftOptIn {
		v.Add("basis", "a subject says yes to %q or is told of %q; other bases need no record", OnConsent, OnSoftOptIn)
	} else if p.Name != "" && d.Basis == OnSoftOptIn && !p.allows(OnSoftOptIn) {
		v.Add("basis", "purpose %s does not allow %q", p.Name, OnSoftOptIn)
	}
	v.AddAll("", schema.CheckText("notice.id", d.Notice.ID, 200))
	if d.Notice.ID == "" || d.Notice.Hash == [sha256.Size]byte{} {
		v.Add("notice", "must name the text the subject saw: privacy.NoticeOf(id, text)")
	}
	if !d.Act.Valid() {
		v.Add("act", "must say what the subject did: want one of %q, %q, %q, %q", Ticked, Signed, Spoke, Replied)
	}
	if d.ValidFor < 0 || d.ValidFor > maxValid {
		v.Add("valid_for", "must not be negative, nor more than a hundred years")
	}
	rec.Notice, rec.NoticeHash = d.Notice.ID, hex.EncodeToString(d.Notice.Hash[:])
	if d.ValidFor > 0 {
		rec.Until = rec.At.Add(d.ValidFor).Truncate(time.Microsecond) // as fine as it is kept
	}
}
