package campaign

import (
	"embed"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/module"
	"github.com/rapport-crm/rapport/internal/store"
)

//go:embed *.sql *.golden
var files embed.FS

// Module registers campaigns with a CRM. As returns the façade for a scope, once a CRM was built with the module.
type Module struct {
	module.Module
	records *work.Records[Campaign, *Campaign]
}

// New returns the module.
func New() *Module {
	m := &Module{}
	m.Module = module.Module{
		Module: store.Module{Name: "campaign", Migrations: files}, Kinds: []*work.Kind{Kind}, Statements: Table.Statements(),
		Build: func(p module.Parts) []work.Source {
			m.records = work.NewRecords(p.Engine, Kind, Table.On(p.DB, nil))
			return []work.Source{m.records.Source()}
		},
	}
	return m
}

// As returns the campaigns as a scope sees them.
func (m *Module) As(s *work.Scope) Campaigns { return Campaigns{m, s} }
