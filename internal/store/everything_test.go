package store_test

import (
	"github.com/rapport-crm/rapport/internal/outbox"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/internal/store/corestore"
	"github.com/rapport-crm/rapport/internal/store/customerstore"
	"github.com/rapport-crm/rapport/internal/store/pipelinestore"
	"github.com/rapport-crm/rapport/internal/store/pluginstore"
	"github.com/rapport-crm/rapport/internal/store/privacystore"
	"github.com/rapport-crm/rapport/internal/store/servicestore"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
)

// everyStatement has the list of every package that makes statements. A package that is missing here fails
// TestEveryStatementIsNamedOnceAndListed.
func everyStatement() [][]store.SQL {
	return [][]store.SQL{
		store.TenantStatements(), store.MigratorStatements(), corestore.Statements(), outbox.Statements(),
		customerstore.Statements(), pipelinestore.Statements(), privacystore.Statements(), servicestore.Statements(),
		pluginstore.Statements(), campaign.Table.Statements(),
	}
}
