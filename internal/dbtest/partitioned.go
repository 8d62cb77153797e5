package dbtest

import (
	"fmt"
	"regexp"
	"strings"
)

// Partitions is how many partitions [PartitionByTenant] gives a table.
const Partitions = 4

var createTable = regexp.MustCompile(`^\s*CREATE TABLE (?:IF NOT EXISTS )?(crm_\w+) \(`)

// PartitionByTenant rewrites a migration's statement for PostgreSQL: a table with a tenant is made partitioned by hash
// of the tenant, with [Partitions] partitions. Every other statement stays as it is. It is a
// store.MigrateOptions.Transform.
func PartitionByTenant(statement string) []string {
	m := createTable.FindStringSubmatch(statement)
	if m == nil || !strings.Contains(statement, "tenant_id") {
		return []string{statement}
	}
	out := []string{strings.TrimRight(statement, " \n\t;") + " PARTITION BY HASH (tenant_id)"}
	for i := range Partitions {
		out = append(out, fmt.Sprintf("CREATE TABLE %s_p%d PARTITION OF %s FOR VALUES WITH (MODULUS %d, REMAINDER %d)",
			m[1], i, m[1], Partitions, i))
	}
	return out
}
