package schema

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Meta is what every aggregate carries; aggregates embed it first. The write path keeps it.
type Meta struct {
	// ID never changes. A draft may bring it; zero there asks for a new one.
	ID ident.ID `json:"id" crm:"class=none,readonly,sort"`
	// Version is 1 at creation and grows by 1 with each change.
	Version int64 `json:"version" crm:"class=none,readonly"`
	// OwnerUser is the host's id of a user; "" for none.
	OwnerUser string `json:"owner_user,omitempty" crm:"class=none,max=64"`
	// OwnerTeam is the host's id of a team; "" for none.
	OwnerTeam string `json:"owner_team,omitempty" crm:"class=none,max=64"`
	// CreatedAt is the instant of version 1, in UTC, to the microsecond.
	CreatedAt time.Time `json:"created_at" crm:"class=none,readonly,sort"`
	// UpdatedAt is the instant of this version, in UTC, to the microsecond.
	UpdatedAt time.Time `json:"updated_at" crm:"class=none,readonly,sort"`
	// CreatedBy is the id of the principal who created the record.
	CreatedBy string `json:"created_by" crm:"class=none,readonly"`
	// Source is where the personal data that was written last came from; zero when nobody said.
	Source personal.Source `json:"-" crm:"-,class=none"`
	// Hidden lists, sorted, the fields that this reader may not see: their values are zero or masked. Nil for none.
	Hidden []string `json:"hidden,omitempty" crm:"-,class=none"`
}

// Base returns the record's Meta, so that the write path finds it in any aggregate.
func (m *Meta) Base() *Meta { return m }

// Aggregate is a pointer to a struct that embeds [Meta].
type Aggregate interface {
	// Base must return the Meta within the record, never nil.
	Base() *Meta
}

// AnyVersion means whatever is stored now, where an update wants the version that the caller saw.
const AnyVersion int64 = 0
