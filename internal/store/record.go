package store

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// MetaRow is the part of a row struct that holds a record's [schema.Meta]. Row structs embed it.
type MetaRow struct {
	ID           ID     `bun:"id"`            // unique in a tenant
	Version      int64  `bun:"version"`       // 1 at creation, +1 at each change
	OwnerUser    string `bun:"owner_user"`    // "" for none
	OwnerTeam    string `bun:"owner_team"`    // "" for none
	CreatedAt    Time   `bun:"created_at"`    // of the first version
	UpdatedAt    Time   `bun:"updated_at"`    // of this version
	CreatedBy    string `bun:"created_by"`    // principal's id
	SourceSystem string `bun:"source_system"` // of the last personal data written; "" for none
	SourceRef    string `bun:"source_ref"`    // the record there
}

// Meta converts the row.
func (r *MetaRow) Meta() schema.Meta {
	return schema.Meta{
		ID: ident.ID(r.ID), Version: r.Version, OwnerUser: r.OwnerUser, OwnerTeam: r.OwnerTeam,
		CreatedAt: time.Time(r.CreatedAt), UpdatedAt: time.Time(r.UpdatedAt), CreatedBy: r.CreatedBy,
		Source: personal.Source{System: r.SourceSystem, Ref: r.SourceRef},
	}
}

// Field is a plain column for filters and sorts: numbers, times, dates and money by range and order, the rest by what
// its type allows.
func Field(expr string, t rule.Type) rule.Column {
	can := rule.CanEqual
	switch t {
	case rule.TypeText:
		can = rule.CanAll
	case rule.TypeInt, rule.TypeFloat, rule.TypeTime, rule.TypeDate:
		can |= rule.CanRange | rule.CanSort
	case rule.TypeID:
		can |= rule.CanSort
	}
	return rule.Column{Expr: expr, Type: t, Can: can}
}

// MoneyField is an amount in two columns, sorted by its minor units.
func MoneyField(minor, currency string) rule.Column {
	return rule.Column{Expr: minor, Second: currency, Type: rule.TypeMoney, Can: rule.CanEqual | rule.CanRange | rule.CanSort}
}

// MetaFields returns the columns of Meta for [Columns.Table]. The caller may add its own to the map.
func MetaFields(alias string) map[string]rule.Column {
	out := map[string]rule.Column{}
	for name, t := range map[string]rule.Type{
		"id": rule.TypeID, "version": rule.TypeInt, "owner_user": rule.TypeText, "owner_team": rule.TypeText,
		"created_by": rule.TypeText, "created_at": rule.TypeTime, "updated_at": rule.TypeTime,
	} {
		out[name] = Field(alias+"."+name, t)
	}
	return out
}

// InsertText is an INSERT of one row with the columns as $1 to $n.
func InsertText(table string, columns ...[]string) string {
	all := slices.Concat(columns...)
	marks := make([]string, len(all))
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	return "INSERT INTO " + table + " (" + strings.Join(all, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"
}

// UpdateText is an UPDATE of one version of one record: $1 is the tenant, $2 the id, $3 the version that is replaced,
// and the columns begin at $4. also is a further condition with AND in front, "" for none.
func UpdateText(table, also string, columns ...[]string) string {
	sets := slices.Concat(columns...)
	for i, name := range sets {
		sets[i] = name + " = $" + strconv.Itoa(i+4)
	}
	return "UPDATE " + table + " SET " + strings.Join(sets, ", ") + " WHERE tenant_id = $1 AND id = $2 AND version = $3" + also
}

// Qualified puts an alias before each column and joins them, for the list of a SELECT.
func Qualified(alias string, columns ...[]string) string {
	all := slices.Concat(columns...)
	for i, name := range all {
		all[i] = alias + "." + name
	}
	return strings.Join(all, ", ")
}
