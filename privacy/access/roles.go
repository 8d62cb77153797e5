package access

import (
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/work"
)

// The roles of the default policy.
const (
	RoleAdmin     = "admin"     // everything in the tenant
	RoleManager   = "manager"   // sees everything, changes and exports what the teams own, reveals sensitive fields there
	RoleSales     = "sales"     // works the team's customers, leads and opportunities
	RoleService   = "service"   // finds every customer, works every case, corrects contact data
	RoleMarketing = "marketing" // plans by segments of all customers without seeing an address
	RoleViewer    = "viewer"    // reads, without addresses and texts
)

// defaultLevels is the table of [DefaultRoles]: entity, then one word for each role in the order of the constants above.
// A word has one letter for each action (read, create, edit, delete, export, send, reveal, configure): n no record,
// o own, t the team's too, a all.
var defaultLevels = [...][7]string{
	{"customer", "aaaaaaaa", "aatttttn", "tttontnn", "aaannann", "annnnann", "annnnnnn"},
	{"relationship", "aaaaaaaa", "aaaatnnn", "aaannnnn", "aaannnnn", "annnnnnn", "annnnnnn"},
	{"interaction", "aaaaaaaa", "aatttntn", "ttoonnnn", "aoonnnnn", "annnnnnn", "annnnnnn"},
	{"lead", "aaaaaaaa", "aatttnnn", "ttttnnnn", "aonnnnnn", "aattnnnn", "annnnnnn"},
	{"opportunity", "aaaaaaaa", "aatttnnn", "tttonnnn", "nnnnnnnn", "annnnnnn", "annnnnnn"},
	{"pipeline", "aaaaaaaa", "annnnnnn", "annnnnnn", "annnnnnn", "annnnnnn", "annnnnnn"},
	{"case", "aaaaaaaa", "aaaatntn", "aoonnnnn", "aaannnnn", "nnnnnnnn", "annnnnnn"},
	{"consent", "aaaaaaaa", "aannannn", "aannnnnn", "aannnnnn", "aannnnnn", "annnnnnn"},
	{"send", "aaaaaaaa", "annnaann", "tnnnntnn", "tnnnntnn", "annnnann", "nnnnnnnn"},
	{"suppression", "aaaaaaaa", "aannnnnn", "aannnnnn", "aannnnnn", "aannnnnn", "nnnnnnnn"},
	{"tenant", "aaaaaaaa", "annnnnnn", "annnnnnn", "annnnnnn", "annnnnnn", "annnnnnn"},
	{"schema", "aaaaaaaa", "annnnnnn", "annnnnnn", "annnnnnn", "annnnnnn", "annnnnnn"},
	{"claim", "aaaaaaaa", "aaaannnn", "aooonnnn", "aooonnnn", "aooonnnn", "annnnnnn"},
	{"audit", "aaaaaaaa", "annnnnnn", "nnnnnnnn", "nnnnnnnn", "nnnnnnnn", "nnnnnnnn"},
	{EveryEntity, "aaaaaaaa", "nnnnnnnn", "nnnnnnnn", "nnnnnnnn", "nnnnnnnn", "nnnnnnnn"},
}

// defaultSight lists what roles do not see, or see and do not change.
var defaultSight = [...]struct {
	role, entity string
	hide, fix    []string
}{
	{role: RoleMarketing, entity: "customer", hide: []string{"points"}},
	{role: RoleViewer, entity: "customer", hide: []string{"points"}},
	{role: RoleMarketing, entity: "interaction", hide: []string{"subject", "body"}},
	{role: RoleViewer, entity: "interaction", hide: []string{"subject", "body"}},
	{role: RoleViewer, entity: "case", hide: []string{"subject", "body"}},
	{role: RoleService, entity: "customer", fix: []string{"owner_user", "owner_team", "lifecycle"}},
}

// DefaultRoles returns the roles of the default policy, the table printed by the example of [Default]. Hosts
// may change what they get and give it to [New].
//
// Only admin has rights to entities that the table does not name. Contact points have no rights of their own: they
// are the field points of a customer. Marketing and viewer do not see them, nor the texts of interactions and cases; service does not change who owns a customer. Whether somebody may be
// written to is another question: the send gate answers it for every role alike, and an address is handed over by
// the gate alone.
func DefaultRoles() []Role {
	names := [...]string{RoleAdmin, RoleManager, RoleSales, RoleService, RoleMarketing, RoleViewer}
	roles := make([]Role, len(names))
	for i, name := range names {
		roles[i].Name = name
		for _, row := range defaultLevels {
			r := Right{Entity: row[0]}
			for j, a := range Actions() {
				*r.level(a) = work.Level(strings.IndexByte("nota", row[i+1][j])) //nolint:gosec // one of four
			}
			for _, s := range defaultSight {
				if s.role == name && s.entity == r.Entity {
					r.Hide, r.Fix = slices.Clone(s.hide), slices.Clone(s.fix)
				}
			}
			roles[i].Rights = append(roles[i].Rights, r)
		}
	}
	return roles
}

// Actions returns every action in the order of the fields of [Right].
func Actions() []work.Action {
	return []work.Action{work.Read, work.Create, work.Edit, work.Delete, work.Export, work.Send, work.Reveal, work.Configure}
}
