package privacy

import (
	"time"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// addressIndex is the blind index of suppressed addresses. It is not that of contact points, so that the two columns
// cannot be joined without the key.
const addressIndex = "suppression"

// ModuleName names the module to hosts, in configurations and migrations.
const ModuleName = "privacy"

// Kinds returns the kinds of records that the module brings.
func Kinds() []*work.Kind { return []*work.Kind{consentKind, sendKind, suppressionKind} }

// Config is what a [Module] is made of.
type Config struct {
	Engine    *work.Engine  // required; its Subjects, too
	Store     Store         // required
	Keys      *keys.Ring    // required
	Addresses Addresses     // required
	Purposes  *Purposes     // Defaults to [DefaultPurposes].
	Lease     time.Duration // how long a send may be under way before it counts as unknown. Defaults to ten minutes.
}

// Module makes the façades of consents and sends. It is immutable and safe for concurrent use.
type Module struct {
	cfg          Config
	consents     *work.Records[Consent, *Consent]
	sends        *work.Records[Sending, *Sending]
	suppressions *work.Records[Suppression, *Suppression]
}

// New returns a Module. It panics when a required field of the Config is missing: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Keys == nil || cfg.Addresses == nil {
		panic("privacy: New wants Engine, Store, Keys and Addresses")
	}
	if cfg.Purposes == nil {
		cfg.Purposes = DefaultPurposes()
	}
	if cfg.Lease == 0 {
		cfg.Lease = 10 * time.Minute
	}
	return &Module{
		cfg:          cfg,
		consents:     work.NewRecords(cfg.Engine, consentKind, cfg.Store.Consents()),
		sends:        work.NewRecords(cfg.Engine, sendKind, cfg.Store.Sends()),
		suppressions: work.NewRecords(cfg.Engine, suppressionKind, cfg.Store.Suppressions()),
	}
}

// Sources returns the records of each of [Kinds], in that order, without their Go types.
func (m *Module) Sources() []work.Source {
	return []work.Source{m.consents.Source(), m.sends.Source(), m.suppressions.Source()}
}

// Consents returns the consents as a scope sees them.
func (m *Module) Consents(scope *work.Scope) Consents { return Consents{m, scope} }

// Sends returns the send gate for a scope.
func (m *Module) Sends(scope *work.Scope) Sends { return Sends{m, scope} }
