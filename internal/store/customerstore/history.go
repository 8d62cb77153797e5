package customerstore

import (
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
)

// stages are the moves through the lifecycle. Who reads those of a survivor reads those of customers merged into it, too.
var stages = store.LinesOf[customer.StageChange]("customer.stages", "crm_customer_stage", "customer", "", "version",
	map[string]string{"from": "from_stage", "to": "to_stage", "by": "actor_id"})

// StageChanges implements [customer.CustomerStore].
func (s *Store) StageChanges() work.Lines[customer.StageChange] { return stages.On(s.db, s.keys) }
