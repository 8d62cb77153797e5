package schema

import (
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Meta is what every aggregate carries; aggregates embed it first. The write path keeps it.
type Meta struct {
	ID        ident.ID        `json:"id" crm:"id,class=none,readonly,sort"`                    // the record's id, the same for ever
	Version   int64           `json:"version" crm:"version,class=none,readonly"`               // 1 at creation, +1 at each change
	OwnerUser string          `json:"owner_user,omitempty" crm:"owner_user,class=none,max=64"` // host's user id
	OwnerTeam string          `json:"owner_team,omitempty" crm:"owner_team,class=none,max=64"` // host's team
	CreatedAt time.Time       `json:"created_at" crm:"created_at,class=none,readonly,sort"`    // UTC, microseconds
	UpdatedAt time.Time       `json:"updated_at" crm:"updated_at,class=none,readonly,sort"`    // UTC, microseconds
	CreatedBy string          `json:"created_by" crm:"created_by,class=none,readonly"`         // principal's id
	Source    personal.Source `json:"-" crm:"-,class=none"`                                    // where the last written personal data came from
	Hidden    []string        `json:"hidden,omitempty" crm:"-,class=none"`                     // fields this reader may not see, sorted; their values are zero or masked
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
