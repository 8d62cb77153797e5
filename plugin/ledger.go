package plugin

import (
	"crypto/sha256"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Disclosure is one line of the ledger: which plugin was shown which fields of whom, when and why. It holds names of
// fields, never values.
type Disclosure struct {
	ID      ident.ID         // of this line
	At      time.Time        // when it was shown, UTC
	Plugin  string           // the plugin's id
	Purpose personal.Purpose // why it was shown
	Record  ident.Ref        // the record that was shown
	Fields  []string         // sorted; none when only the id was shown
	Cause   ident.ID         // the event or action that was being handled
}

// Stream returns the record of an emitted event: events about one record share it, and so keep their order; an event
// about none has its own.
func (m Manifest) Stream(id ident.ID, e Emit) ident.Ref {
	if !e.About.IsZero() {
		sum := sha256.Sum256([]byte(m.ID + "\x00" + e.About.Entity + "\x00" + string(e.About.ID[:])))
		id = ident.ID(sum[:16])
		id[6] = id[6]&0x0f | 0x80 // version 8: made by this rule
		id[8] = id[8]&0x3f | 0x80
	}
	return ident.Ref{Entity: m.Namespace, ID: id}
}

// AllRefs returns About and then Refs, as the event carries them.
func (e Emit) AllRefs() []ident.Ref {
	if e.About.IsZero() {
		return e.Refs
	}
	return append([]ident.Ref{e.About}, e.Refs...)
}
