package pipelinestore

import (
	"slices"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
)

var (
	leads     = store.TableOf[pipeline.Lead](work.Find(pipeline.Kinds(), pipeline.EntityLead), nil)
	leadMoves = store.LinesOf[pipeline.LeadMove]("lead.moves", "crm_lead_move", "lead", "", "version",
		map[string]string{"from": "from_state", "to": "to_state", "stay": "spent"})
)

func leadStatements() []store.SQL { return slices.Concat(leads.Statements(), leadMoves.Statements()) }

// Leads implements [pipeline.Store].
func (s *Store) Leads() work.Store[pipeline.Lead] { return leads.On(s.db, nil) }

// LeadMoves implements [pipeline.Store].
func (s *Store) LeadMoves() work.Lines[pipeline.LeadMove] { return leadMoves.On(s.db, nil) }
