package privacy

import (
	"time"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// addressIndex is the blind index of suppressed addresses. It is not that of contact points, so that the two columns
// cannot be joined without the key.
const addressIndex = "suppression"

// Config is what a [Module] is made of.
type Config struct {
	Engine   *work.Engine  // needed
	Store    Store         // needed
	Keys     *keys.Ring    // needed
	Subjects Subjects      // needed
	Purposes *Purposes     // Defaults to [DefaultPurposes].
	Lease    time.Duration // how long a send may be under way before it counts as unknown. Defaults to ten minutes.
}

// Module makes the façades of consents and sends. It is immutable and safe for concurrent use.
type Module struct{ cfg Config }

// New returns a Module. It panics when a needed field of the Config is missing: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Keys == nil || cfg.Subjects == nil {
		panic("privacy: New wants Engine, Store, Keys and Subjects")
	}
	if cfg.Purposes == nil {
		cfg.Purposes = DefaultPurposes()
	}
	if cfg.Lease == 0 {
		cfg.Lease = 10 * time.Minute
	}
	return &Module{cfg}
}

// Entities returns the package's entities for the schema registry.
func Entities() []*schema.Entity {
	return []*schema.Entity{
		schema.Of[Consent](EntityConsent), schema.Of[Sending](EntitySend), schema.Of[Suppression](EntitySuppression),
	}
}

// Consents returns the consents as a scope sees them.
func (s *Module) Consents(scope work.Scope) Consents { return Consents{s, scope} }

// Sends returns the send gate for a scope.
func (s *Module) Sends(scope work.Scope) Sends { return Sends{s, scope} }
