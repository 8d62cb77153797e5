package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

// Config is what a host may decide. Its zero value has every default, and no KMS: sqlite.Open takes it, or nil, as it
// is; [New] does not.
type Config struct {
	// Modules are the parts of the CRM that the program uses, each with those it needs. Operations of the others are
	// Unavailable faults with reason [ReasonModule]. Defaults to all; the foundation need not be named.
	Modules []Module
	// KMS keeps the tenant keys. It has no default in [New]: without it New returns an error. sqlite.Open defaults to
	// a key file beside the database.
	KMS keys.KMS
	// Purposes are what sessions, consents and sends may name. Defaults to [privacy.DefaultPurposes], whose With adds
	// further ones. A Policy of the host's own is made with the same.
	Purposes *privacy.Purposes
	// Policy decides rights. Defaults to [github.com/rapport-crm/rapport/privacy/access.Default].
	Policy work.Policy
	// Clock gives the instant of each decision. Defaults to time.Now.
	Clock func() time.Time
	// NewID makes record ids. Defaults to [ident.New]; [ident.NewRandom] suits engines where ordered keys make one
	// range hot. Ids of events and audit rows come from it too.
	NewID ident.Generator
	// Logger gets what happens in the background. It never gets personal data. Defaults to slog.Default.
	Logger *slog.Logger
	// Region is the two-letter country whose rules read telephone numbers written without one. Defaults to none:
	// such numbers are refused.
	Region string
	// SLA sets the due times of cases. Defaults to [service.DefaultSLA].
	SLA *service.SLA
	// Subscribers get events, durably by name.
	Subscribers []Subscriber
	// Extensions are plugins, in process or from pluginhost. Listing one here grants it what its manifest asks for,
	// in every tenant of the database.
	Extensions []plugin.Extension
	// Poll is how often the background looks for due work that other processes have left. Work of this process wakes
	// it at once. Defaults to 500 milliseconds.
	Poll time.Duration

	further []module.Module // those of [module.With]
}

// Subscriber is a host's own consumer of events, registered before [CRM.Start].
type Subscriber struct {
	Name    string           // durable: a renamed subscriber is a new one, and gets events from then on; 1 to 48 bytes
	Purpose personal.Purpose // why it reads what it reads
	Kinds   []event.Kind     // the kinds it wants; nil means all
	// Handle gets each event at least once, those of one record in order. s is inside the transaction that ends the
	// delivery: what Handle does through s commits together with that, so it takes effect once. An error or a panic
	// rolls it back and the event comes again later; after twelve attempts it is a dead letter. s acts as the system
	// principal "subscriber:NAME" of the event's tenant.
	Handle func(ctx context.Context, s *Session, e event.Event) error
}

func (cfg *Config) withDefaults(further []module.Module) (Config, error) {
	var c Config
	if cfg != nil {
		c = *cfg
	}
	c.further = further
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.NewID == nil {
		c.NewID = ident.New
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Purposes == nil {
		c.Purposes = privacy.DefaultPurposes()
	}
	if c.Poll == 0 {
		c.Poll = 500 * time.Millisecond
	}
	return c, c.validate()
}

// maxSubscriber leaves room for the prefix that makes a name a principal.
const maxSubscriber = 48

func (cfg *Config) validate() error {
	var v fault.Violations
	if cfg.KMS == nil {
		v.Add("Config.KMS", "must be set: keys.OpenFile keeps keys in a file, keys.NewMemory in memory for tests")
	}
	if cfg.Region != "" && !region.MatchString(cfg.Region) {
		v.Add("Config.Region", "want an ISO 3166 code of two letters, such as DE")
	}
	for i, ext := range cfg.Extensions {
		if ext == nil {
			v.Add(fmt.Sprintf("Config.Extensions[%d]", i), "must not be nil")
		}
	}
	if cfg.SLA != nil {
		v.AddAll("Config.SLA", cfg.SLA.Validate())
	}
	cfg.validateModules(&v)
	cfg.validateSubscribers(&v)
	if cfg.Poll < 0 {
		v.Add("Config.Poll", "must not be negative")
	}
	return v.Err()
}

var region = regexp.MustCompile(`^[A-Za-z]{2}$`)

func (cfg *Config) validateModules(v *fault.Violations) {
	if _, err := selected(cfg.further, cfg.Modules); err != nil {
		f, _ := errors.AsType[*fault.Error](err)
		v.Add("Config.Modules", "%s", f.Message)
	}
	if len(cfg.Extensions) > 0 && !cfg.has(ModulePlugin) {
		v.Add("Config.Extensions", "need the module %s: name it in Config.Modules", ModulePlugin)
	}
}

func (cfg *Config) validateSubscribers(v *fault.Violations) {
	seen := map[string]bool{}
	for i, s := range cfg.Subscribers {
		at := fmt.Sprintf("Config.Subscribers[%d]", i)
		if ident.HostID(s.Name) != "" || len(s.Name) > maxSubscriber {
			v.Add(at+".Name", "must have 1 to %d bytes without control characters", maxSubscriber)
		} else if seen[s.Name] {
			v.Add(at+".Name", "%q is taken: names must differ", s.Name)
		}
		if _, known := cfg.Purposes.Get(s.Purpose); !known {
			v.Add(at+".Purpose", "no such purpose: want one of %v", cfg.Purposes.Names())
		}
		if s.Handle == nil {
			v.Add(at+".Handle", "must be set")
		}
		seen[s.Name] = true
	}
}
