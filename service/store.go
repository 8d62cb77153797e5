package service

import "github.com/rapport-crm/rapport/core/work"

// Store keeps cases and their history. Implementations must be safe for concurrent use. They must seal subject, body
// and notes under the key of the case's customer, and give them back as sealed Text, which is opened when it is
// revealed.
type Store interface {
	// Cases must return the store of cases.
	Cases() work.Store[Case]
	// Entries must return their history, by version and ordinal.
	Entries() work.Lines[Entry]
}
