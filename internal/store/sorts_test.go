package store_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/service"
)

// sortedBy are the columns that are not called as their field.
var sortedBy = map[string]string{"customer.name": "sort_name", "opportunity.amount": "amount_minor"}

// unsorted says which sorts read the whole tenant, and why that may be.
var unsorted = map[string]string{
	"interaction.created_at": "the largest table has no index too many: sort by at",
	"interaction.updated_at": "an interaction never changes: sort by at",
	"pipeline.created_at":    "a tenant has few pipelines",
	"pipeline.updated_at":    "a tenant has few pipelines",
	"pipeline.key":           "unique, so its index needs no id",
	"relationship.":          "lists are of one customer",
}

// A list sorted by any field reads an index in its order, however large the tenant is.
func TestEverySortHasAnIndex(t *testing.T) {
	t.Parallel()

	index := regexp.MustCompile(`CREATE INDEX \w+ ON (crm_\w+) \(tenant_id, ((?:kind, )?\w+), id\)`)
	for _, b := range []dbtest.Backend{dbtest.SQLite(t), dbtest.PostgresBackend(t)} {
		have := map[string]bool{}
		list, err := store.Migrations(b.Dialect, nil)
		require.NoError(t, err)
		for _, m := range list {
			for _, found := range index.FindAllStringSubmatch(m.Up, -1) {
				have[found[1]+"."+found[2]] = true
			}
		}
		require.NotEmpty(t, have)
		for _, k := range slices.Concat(customer.Kinds(), object.Kinds(), pipeline.Kinds(), service.Kinds()) {
			for _, f := range sortsOf(k.Entity) {
				if k.Family { // whose lists are of one of its kinds
					f = "kind, " + f
				}
				require.True(t, have[k.Table+"."+f], "%s: %s has no index for lists sorted by %s", b.Name, k.Table, f)
			}
		}
	}
}

func sortsOf(e *schema.Entity) (out []string) {
	for _, f := range e.SortFields() {
		name := e.Name + "." + f
		if f == "id" || unsorted[name] != "" || unsorted[e.Name+"."] != "" {
			continue
		}
		if column := sortedBy[name]; column != "" {
			f = column
		}
		out = append(out, f)
	}
	return out
}
