// Package schema knows what every entity and field is: type, label, class of personal data, origin. Filters,
// masks, validation, comparison, rules, imports and plugins derive from it.
//
//	type Booth struct {
//		schema.Meta
//		Title  string        `json:"title" crm:"title,class=none,max=80,required,sort"`
//		Holder personal.Text `json:"holder" crm:"holder,class=name,max=120"`
//		Custom schema.Values `json:"custom" crm:"custom"`
//	}
//
//	booths := schema.Of[Booth]("booth")
//	changed := booths.Diff(&before, &after) // ["holder", "title"]
//
// An [Entity] is compiled once and reads records through accessors. A tenant's own fields are added by
// [Entity.With]; their values live in one [Values] and are set through typed keys:
//
//	var Tier = schema.NewKey[string]("tier")
//	customer.Update{Custom: []schema.Set{Tier.Set("gold")}}
//
// Start with [Of].
package schema
