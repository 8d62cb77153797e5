package access

import (
	"slices"

	"github.com/rapport-crm/rapport/core/work"
)

// row is the rights of the default roles to one entity.
type row struct {
	entity string
	rights work.Rights
}

// apart are the rows of what is no kind of records.
var apart = []row{
	{"audit", work.Rights{Manager: "annnnnnn"}},
	{EveryEntity, work.Rights{}},
}

// DefaultRoles returns the roles of the default policy over kinds of records, the table printed by the example of
// [Default]. Each kind says itself what the roles may do with it; crm.Kinds lists all. Hosts may change what they get and
// give it to [New].
//
// Only admin has rights to entities that no kind names. Contact points have no rights of their own: they
// are the field points of a customer. Marketing and viewer do not see them, nor the texts of interactions and cases; service
// does not change who owns a customer. Whether somebody may be written to is another question: the send gate answers it for
// every role alike, and an address is handed over by the gate alone.
func DefaultRoles(kinds []*work.Kind) []Role {
	rows := make([]row, 0, len(kinds)+len(apart))
	for _, k := range kinds {
		rows = append(rows, row{k.Name(), k.Rights})
	}
	rows = append(rows, apart...)
	names := [...]string{work.RoleAdmin, work.RoleManager, work.RoleSales, work.RoleService, work.RoleMarketing, work.RoleViewer}
	roles := make([]Role, len(names))
	for i, name := range names {
		roles[i].Name = name
		for _, r := range rows {
			roles[i].Rights = append(roles[i].Rights, r.right(name))
		}
	}
	return roles
}

// right is what one role has of a row.
func (r *row) right(role string) Right {
	out := Right{Entity: r.entity, Hide: slices.Clone(r.rights.Hide[role]), Fix: slices.Clone(r.rights.Fix[role])}
	for _, a := range work.Actions() {
		*out.level(a) = r.rights.Level(role, a)
	}
	return out
}
