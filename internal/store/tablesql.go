package store

// text selects the records of the tenant in $1 that meet a further condition and are not deleted.
func (t *Table[T, P]) text(where string) string {
	return "SELECT " + t.selection() + " FROM " + t.from() + " WHERE r.tenant_id = $1" + t.live(" AND r.") + " AND " + where
}

// live is the condition of records that are not deleted, with a prefix; none where the table has no column for it.
func (t *Table[T, P]) live(prefix string) string {
	if t.kind.Permanent {
		return ""
	}
	return prefix + "deleted_at IS NULL"
}

const forUpdate = " FOR NO KEY UPDATE OF r"

// Reading is a statement that reads the records that meet a condition: r is the table, $1 the tenant. [Bound.One] and its
// like take it.
func (t *Table[T, P]) Reading(name, where string) SQL { return Same(name, t.text(where)) }

// Locking is Reading for records that are about to change.
func (t *Table[T, P]) Locking(name, where string) SQL {
	return Split(name, t.text(where)+forUpdate, t.text(where))
}
