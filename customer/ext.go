package customer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

// addExt adds external ids; those the customer has already are passed over.
func (c *Customer) addExt(v *fault.Violations, field string, list []ident.Ext) {
	switch {
	case len(list) == 0:
		return
	case len(list) > MaxExt: // before they are compared with each other
		v.Add(field, "must be at most %d", MaxExt)
		return
	}
	for i, x := range list {
		if err := x.Validate(); err != nil {
			v.AddAll(fmt.Sprintf("%s[%d]", field, i), err)
		} else if !slices.Contains(c.Ext, x) {
			c.Ext = append(c.Ext, x)
		}
	}
	if len(c.Ext) > MaxExt {
		v.Add(field, "must be at most %d", MaxExt)
	}
	slices.SortFunc(c.Ext, CompareExt)
}

func (c *Customer) removeExt(list []ident.Ext) {
	if len(list) > 0 {
		c.Ext = slices.DeleteFunc(c.Ext, func(x ident.Ext) bool { return slices.Contains(list, x) })
	}
}

// CompareExt orders external ids by system, then id.
func CompareExt(a, b ident.Ext) int {
	if c := strings.Compare(a.System, b.System); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}
