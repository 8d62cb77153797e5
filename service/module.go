package service

import (
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Config holds what a [Module] works with.
type Config struct {
	Engine *work.Engine // required
	Store  Store        // required
	SLA    *SLA         // due times. Defaults to [DefaultSLA]
}

// Module makes the façade of cases and handles their timers. It is safe for concurrent use.
type Module struct {
	sla     SLA
	cases   *work.Records[Case, *Case]
	entries work.Lines[Entry]
}

// ModuleName names the module to hosts, in configurations and migrations.
const ModuleName = "service"

// Kinds returns the kinds of records that the module brings.
func Kinds() []*work.Kind { return []*work.Kind{caseKind} }

// New returns a Module. It panics when a required field of the Config is missing, or with an SLA that [SLA.Validate]
// refuses: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil {
		panic("service: New wants Engine and Store")
	}
	sla := DefaultSLA()
	if cfg.SLA != nil {
		sla = cfg.SLA.withDefaults()
	}
	if err := sla.Validate(); err != nil {
		panic("service: New wants an SLA that is valid: " + err.Error())
	}
	return &Module{sla, work.NewRecords(cfg.Engine, caseKind, cfg.Store.Cases()), cfg.Store.Entries()}
}

// ImportForms returns what rows of files can hold for cases.
func ImportForms() []transfer.Form { return []transfer.Form{caseRows.Form} }

// Sources returns the records of each of [Kinds], in that order, without their Go types.
func (m *Module) Sources() []work.Source {
	return []work.Source{m.cases.Source()}
}

// Cases returns the cases as a scope sees them.
func (m *Module) Cases(scope *work.Scope) Cases { return Cases{m, scope} }
