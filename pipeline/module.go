package pipeline

import (
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// Config holds what a [Module] works with.
type Config struct {
	Engine  *work.Engine // required
	Store   Store        // required
	Default Definition   // stored at its first use where a tenant names no pipeline. Defaults to [Standard]
}

// Module makes the façades of pipelines, leads and opportunities. It is safe for concurrent use.
type Module struct {
	engine           *work.Engine
	defaultPipeline  Definition
	pipelineStore    PipelineStore
	opportunityStore OpportunityStore
	pipelines        *work.Records[Pipeline, *Pipeline]
	leads            *work.Records[Lead, *Lead]
	leadMoves        work.Lines[LeadMove]
	opportunities    *work.Records[Opportunity, *Opportunity]
	transitions      work.Lines[Transition]
}

// ModuleName names the module to hosts, in configurations and migrations.
const ModuleName = "pipeline"

// Kinds returns the kinds of records that the module brings.
func Kinds() []*work.Kind { return []*work.Kind{pipelineKind, leadKind, opportunityKind} }

// ImportForms returns what rows of files can hold for the kinds that are imported.
func ImportForms() []transfer.Form { return []transfer.Form{leadRows.Form, opportunityRows.Form} }

// New returns a Module. It panics when a required field of the Config is missing: that is a programmer's error.
func New(cfg Config) *Module {
	if cfg.Engine == nil || cfg.Store == nil {
		panic("pipeline: New wants Engine and Store")
	}
	if cfg.Default.Key == "" {
		cfg.Default = Standard()
	}
	m := &Module{
		engine: cfg.Engine, defaultPipeline: cfg.Default.complete(), pipelineStore: cfg.Store.Pipelines(),
		opportunityStore: cfg.Store.Opportunities(), leadMoves: cfg.Store.LeadMoves(), transitions: cfg.Store.Transitions(),
	}
	m.pipelines = work.NewRecords(m.engine, pipelineKind, work.Store[Pipeline](m.pipelineStore))
	m.leads = work.NewRecords(m.engine, leadKind, cfg.Store.Leads())
	m.opportunities = work.NewRecords(m.engine, opportunityKind, work.Store[Opportunity](m.opportunityStore))
	return m
}

// Sources returns the records of each of [Kinds], in that order, without their Go types.
func (m *Module) Sources() []work.Source {
	return []work.Source{m.pipelines.Source(), m.leads.Source(), m.opportunities.Source()}
}

// Pipelines returns the pipelines as a scope sees them.
func (m *Module) Pipelines(scope *work.Scope) Pipelines { return Pipelines{m, scope} }

// Leads returns the leads as a scope sees them.
func (m *Module) Leads(scope *work.Scope) Leads { return Leads{m, scope} }

// Opportunities returns the opportunities as a scope sees them.
func (m *Module) Opportunities(scope *work.Scope) Opportunities { return Opportunities{m, scope} }

// refused is the answer to a verb that the present state does not allow.
func refused(version int64, format string, args ...any) *fault.Error {
	f := fault.New(fault.Conflict, format, args...)
	f.Reason, f.Current = "state", version
	return f
}
