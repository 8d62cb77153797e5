package object

import (
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// Object is a record of a kind that a tenant has defined.
type Object struct {
	schema.Meta
	// Kind is the name of its kind, such as "object.boat".
	Kind string `json:"kind" crm:"class=none,readonly,max=63"`
	// Name is what people call it, and may name people.
	Name personal.Text `json:"name,omitzero" crm:"class=name,max=200,required,sort,search"`
	// Customer is whom it belongs to; zero for nobody.
	Customer ident.ID `json:"customer,omitzero" crm:"class=none,ref=customer,subject"`
	// Custom holds the fields that the tenant has given to the kind.
	Custom schema.Values `json:"custom,omitzero" crm:"custom"`
}

// Draft is a new object. Only Name is required, and the custom fields that the tenant requires.
type Draft struct {
	ID        ident.ID     // the host's own id; zero for a new one
	Name      string       // what people call it, up to 200 characters
	Customer  ident.ID     // whom it belongs to; zero for nobody
	OwnerUser string       // "" for the user who creates
	OwnerTeam string       // "" for the creator's first team
	Custom    []schema.Set // custom fields
}

// Update changes fields of an object; nil leaves a field as it is.
type Update struct {
	Name      *string      // what people call it, up to 200 characters
	Customer  *ident.ID    // whom it belongs to; the zero id for nobody
	OwnerUser *string      // host's user id
	OwnerTeam *string      // host's team
	Custom    []schema.Set // custom fields to set or clear
}

// Filter chooses objects of a kind. Its zero value is every one that the caller may see.
type Filter struct {
	Customer ident.ID   // of one customer, with those merged into it; zero for all
	Query    page.Query // sort, search, page and further condition
}
