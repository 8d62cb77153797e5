package ident

import "github.com/rapport-crm/rapport/core/fault"

// MaxExtID is the greatest length in bytes of an id in another system.
const MaxExtID = 200

// Ext is a record's id in another system: the host's users table, an ERP, a spreadsheet.
// Within a tenant each (System, ID) resolves to one customer. The zero value names nothing.
type Ext struct {
	System string `json:"system"` // the system's name, 1 to 64 bytes, such as "users" or "erp"
	ID     string `json:"id"`     // the id there, 1 to 200 bytes
}

// IsZero reports whether e names nothing.
func (e Ext) IsZero() bool { return e == Ext{} }

// Validate returns every breach in one Invalid fault, for the fields "system" and "id": both must be valid UTF-8 without
// control characters, of 1 to [MaxHostID] and 1 to [MaxExtID] bytes. The zero value is refused: it names nothing.
func (e Ext) Validate() error {
	var v fault.Violations
	if m := HostID(e.System); m != "" {
		v.Add("system", "%s", m)
	}
	if m := idFault(e.ID, MaxExtID); m != "" {
		v.Add("id", "%s", m)
	}
	return v.Err()
}

// String joins both parts as system/id.
func (e Ext) String() string { return e.System + "/" + e.ID }

// Ref points at a record of any kind. Entity is a name of the schema registry, such as "customer" or "opportunity".
type Ref struct {
	Entity string `json:"entity"` // the entity's name in the schema registry
	ID     ID     `json:"id"`     // the record's id
}

// IsZero reports whether r points nowhere.
func (r Ref) IsZero() bool { return r == Ref{} }

// String joins both parts as entity/id.
func (r Ref) String() string { return r.Entity + "/" + r.ID.String() }
