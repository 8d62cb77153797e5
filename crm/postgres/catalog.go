package postgres

import (
	"context"

	"github.com/rapport-crm/rapport/internal/store"
)

// Tables of the CRM in the schema that comes first in the search path; partitions are part of their table.
const ours = `n.nspname = current_schema() AND t.relkind IN ('r', 'p') AND NOT t.relispartition AND t.relname LIKE 'crm\_%'`

const (
	catalogTables = `
SELECT t.relname, '', '', '' FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE ` + ours

	catalogColumns = `
SELECT t.relname, a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '!' ELSE '?' END,
       concat_ws(' ', 'default ' || pg_get_expr(d.adbin, d.adrelid), nullif(a.attidentity::text, ''), nullif(a.attgenerated::text, ''),
                 'collate ' || CASE WHEN a.attcollation <> 0 AND a.attcollation <> ty.typcollation THEN o.collname END)
FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_type ty ON ty.oid = a.atttypid LEFT JOIN pg_collation o ON o.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND ` + ours

	catalogIndexes = `
SELECT t.relname, i.relname || CASE WHEN x.indisprimary THEN '|primary' WHEN x.indisunique THEN '|unique' ELSE '|plain' END,
       (SELECT string_agg(pg_get_indexdef(x.indexrelid, k, true) || CASE x.indoption[k - 1] & 1 WHEN 1 THEN ' desc' ELSE '' END, ', ' ORDER BY k)
        FROM generate_series(1, x.indnkeyatts) k),
       concat_ws(' ', CASE WHEN m.amname <> 'btree' THEN 'using ' || m.amname END,
                 CASE WHEN NOT x.indimmediate THEN 'deferrable' END, 'where ' || pg_get_expr(x.indpred, x.indrelid, true),
                 'with ' || array_to_string(i.reloptions, ','))
FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
WHERE ` + ours

	catalogForeign = `
SELECT t.relname,
       (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY k (num, n)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num),
       r.relname || '|' || (SELECT string_agg(a.attname, ', ' ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY k (num, n)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num),
       concat_ws(' ', CASE WHEN c.confdeltype <> 'a' THEN 'delete ' || c.confdeltype::text END, CASE WHEN c.condeferrable THEN 'deferrable' END)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_class r ON r.oid = c.confrelid
WHERE c.contype = 'f' AND c.conparentid = 0 AND ` + ours

	catalogOther = `
SELECT t.relname, c.conname, c.contype::text, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE c.contype IN ('c', 'x') AND ` + ours + `
UNION ALL
SELECT t.relname, g.tgname, 'trigger', '' FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT g.tgisinternal AND ` + ours + `
UNION ALL
SELECT t.relname, w.rulename, 'rule', '' FROM pg_rewrite w JOIN pg_class t ON t.oid = w.ev_class JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE ` + ours
)

// Catalog implements [store.Dialect].
func (dialect) Catalog(ctx context.Context, q store.Execer) ([]string, error) {
	return store.ReadCatalog(ctx, q, store.CatalogQueries{
		Tables: catalogTables, Columns: catalogColumns, Indexes: catalogIndexes, Foreign: catalogForeign, Other: catalogOther,
	})
}
