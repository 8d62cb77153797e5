package object

import (
	"strings"

	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

// kind is the family of all objects.
var kind = &work.Kind{
	Entity: schema.Of[Object](custom.Family), Module: "customer", Table: "crm_object", Family: true,
	Rights: work.Rights{Manager: "aaaannnn", Sales: "ttttnnnn", Service: "aattnnnn", Marketing: "annnnnnn", Viewer: "annnnnnn"},
}

// Kinds returns the family of the kinds that tenants define.
func Kinds() []*work.Kind { return []*work.Kind{kind} }

// ImportForms returns what rows of files can hold for objects.
func ImportForms() []transfer.Form { return []transfer.Form{rows.Form} }

// Module makes the façades of objects. It is immutable and safe for concurrent use.
type Module struct {
	objects *work.Records[Object, *Object]
}

// New returns a Module over a store that keeps the records of all kinds.
func New(e *work.Engine, store work.Store[Object]) *Module {
	return &Module{work.NewRecords(e, kind, store)}
}

// Objects returns the objects of a kind as the scope sees them. key is the one under which the tenant has defined it, such
// as "boat"; the kind's whole name, "object.boat", is good, too.
func (m *Module) Objects(key string, scope *work.Scope) Objects {
	return m.of(custom.Object{Key: strings.TrimPrefix(key, custom.Family+".")}.Entity(), scope)
}

func (m *Module) of(name string, scope *work.Scope) Objects {
	return Objects{m, scope, m.member(name)}
}

// Source returns the records of a kind by its name, such as "object.boat", without their Go type.
func (m *Module) Source(name string) work.Source { return m.member(name).Source() }

// member returns the records of a kind. A name that none can have is not repeated in the operations of faults.
func (m *Module) member(name string) *work.Records[Object, *Object] {
	if schema.CheckKey(strings.TrimPrefix(name, custom.Family+".")) != nil {
		name = custom.Family + ".?"
	}
	return m.objects.Member(name)
}
