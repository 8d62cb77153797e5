package store

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// Columns is the [rule.Columns] of one entity's table in one dialect. It is a value, built for each list; Table is
// shared and must not change.
type Columns struct {
	Dialect Dialect                // whose SQL the expressions are
	Table   map[string]rule.Column // the built-in fields by name; one that is missing cannot be filtered or sorted by
	Custom  string                 // expression of the JSON column of custom fields, such as "c.custom"; "" for none
	Entity  *schema.Entity         // the entity as the tenant sees it; it knows the custom fields
}

var _ rule.Columns = Columns{}

// Column implements [rule.Columns].
func (c Columns) Column(field string) (rule.Column, bool) {
	if col, ok := c.Table[field]; ok {
		return col, true
	}
	key, ok := strings.CutPrefix(field, schema.CustomPrefix)
	if !ok || c.Custom == "" || c.Entity == nil || !plainKey(key) {
		return rule.Column{}, false
	}
	f, ok := c.Entity.Field(field)
	if !ok {
		return rule.Column{}, false
	}
	col := c.Dialect.Custom(c.Custom, key, f.Type)
	if f.Sortable {
		col.Can |= rule.CanSort
	}
	return col, true
}

// TextTest implements [rule.Columns].
func (c Columns) TextTest(test, expr, arg string) string { return c.Dialect.TextTest(test, expr, arg) }

// HasElement implements [rule.Columns].
func (c Columns) HasElement(expr, arg string) string { return c.Dialect.HasElement(expr, arg) }

// plainKey guards the one place where a name of the schema becomes part of a statement's text.
func plainKey(key string) bool {
	for i := range len(key) {
		c := key[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return key != ""
}

// SortKey encodes a value so that the bytes sort as the values do; blank is nil. Text sorts by bytes, money by its
// minor units.
func SortKey(v rule.Value) []byte {
	switch v.Type() {
	case rule.TypeBool:
		if v.Bool() {
			return []byte{1}
		}
		return []byte{0}
	case rule.TypeInt:
		return sortInt(v.Int())
	case rule.TypeTime:
		return sortInt(v.Time().UnixMicro())
	case rule.TypeDate:
		return sortInt(int64(v.Date().Days()))
	case rule.TypeMoney:
		return sortInt(v.Money().Minor)
	case rule.TypeFloat:
		return sortFloat(v.Float())
	case rule.TypeText:
		return append([]byte{}, v.Text()...)
	case rule.TypeID:
		id := v.ID()
		return id[:]
	case rule.TypeNone, rule.TypeTexts:
	}
	return nil
}

func sortInt(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)^(1<<63)) //nolint:gosec // the sign bit is turned on purpose
}

// sortFloat makes positive numbers begin with 1, and turns the bits of negative ones, whose magnitude sorts backwards.
func sortFloat(f float64) []byte {
	if f == 0 {
		f = 0 // negative zero equals zero
	}
	bits := math.Float64bits(f)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(nil, bits)
}

var (
	putSortKey = Same("store.put_sort_key", `
		INSERT INTO crm_field_index (tenant_id, entity, field, record_id, sort_key) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant_id, entity, field, record_id) DO UPDATE SET sort_key = excluded.sort_key`)
	dropSortKey = Same("store.drop_sort_key", `
		DELETE FROM crm_field_index WHERE tenant_id = $1 AND entity = $2 AND field = $3 AND record_id = $4`)
)

// SortKeyColumns are the columns of crm_field_index in the order of [SortKeyRow], for bulk loads.
func SortKeyColumns() []string {
	return []string{"tenant_id", "entity", "field", "record_id", "sort_key"}
}

// SortKeyRow returns the row of one sortable custom field of a record, for bulk loads.
func SortKeyRow(tenant, entity, field string, id ident.ID, v rule.Value) []any {
	return []any{tenant, entity, field, id, SortKey(v)}
}

// IndexCustom keeps the sort keys of a record's custom fields: of each sortable field of e whose value differs between
// before and after. Stores call it when they save a record with custom fields; before is empty for a new one.
func (c Conn) IndexCustom(tenant string, e *schema.Entity, id ident.ID, before, after schema.Values) error {
	for _, name := range e.SortFields() {
		key, custom := strings.CutPrefix(name, schema.CustomPrefix)
		if !custom || before.Get(key).Equal(after.Get(key)) {
			continue
		}
		var err error
		if v := after.Get(key); v.IsBlank() {
			err = c.Queue(dropSortKey, nil, tenant, e.Name, key, id)
		} else {
			err = c.Queue(putSortKey, nil, tenant, e.Name, key, id, SortKey(v))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TenantStatements lists the static statements that this package runs for tenants.
func TenantStatements() []SQL { return []SQL{putSortKey, dropSortKey, putWord, dropWord, keysOfMany} }
