package sqlite

import (
	"context"

	"github.com/rapport-crm/rapport/internal/store"
)

// Tables of the CRM; the shadow tables of a full-text index are part of it.
const ours = `l.schema = 'main' AND l.type IN ('table', 'virtual') AND l.name LIKE 'crm\_%' ESCAPE '\'`

const (
	catalogTables = `
SELECT l.name, '', CASE WHEN l.type = 'virtual' THEN m.sql WHEN l.wr THEN 'without rowid' ELSE '' END, ''
FROM pragma_table_list l JOIN sqlite_master m ON m.name = l.name WHERE ` + ours

	catalogColumns = `
SELECT l.name, c.name, c.type || CASE WHEN c."notnull" THEN '!' ELSE '?' END,
       CASE WHEN c.dflt_value IS NULL THEN '' ELSE 'default ' || c.dflt_value END || CASE WHEN c.hidden > 1 THEN ' generated' ELSE '' END
FROM pragma_table_list l JOIN pragma_table_xinfo(l.name) c WHERE l.type = 'table' AND ` + ours

	catalogIndexes = `
SELECT l.name, i.name || CASE i.origin WHEN 'pk' THEN '|primary' ELSE CASE WHEN i."unique" THEN '|unique' ELSE '|plain' END END,
       (SELECT group_concat(c, ', ') FROM (SELECT coalesce(x.name, '<expression>') || CASE WHEN x.desc THEN ' desc' ELSE '' END AS c
        FROM pragma_index_xinfo(i.name) x WHERE x.key ORDER BY x.seqno)),
       CASE WHEN i.partial THEN (SELECT substr(m.sql, instr(lower(m.sql), ' where ') + 1) FROM sqlite_master m WHERE m.name = i.name) ELSE '' END
FROM pragma_table_list l JOIN pragma_index_list(l.name) i WHERE l.type = 'table' AND ` + ours

	catalogForeign = `
SELECT l.name, group_concat(f."from", ', '), f."table" || '|' || group_concat(f."to", ', '),
       CASE WHEN f.on_delete = 'NO ACTION' THEN '' ELSE 'delete ' || lower(substr(f.on_delete, 1, 1)) END
FROM pragma_table_list l JOIN pragma_foreign_key_list(l.name) f WHERE l.type = 'table' AND ` + ours + `
GROUP BY l.name, f.id, f."table", f.on_delete`

	catalogOther = `
SELECT m.tbl_name, m.name, m.type, '' FROM sqlite_master m WHERE m.type IN ('trigger', 'view') AND m.tbl_name LIKE 'crm\_%' ESCAPE '\'`
)

// Catalog implements [store.Dialect].
func (dialect) Catalog(ctx context.Context, q store.Execer) ([]string, error) {
	return store.ReadCatalog(ctx, q, store.CatalogQueries{
		Tables: catalogTables, Columns: catalogColumns, Indexes: catalogIndexes, Foreign: catalogForeign, Other: catalogOther,
	})
}
