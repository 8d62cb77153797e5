package vertical

import (
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
)

// The names that the extension adds to the CRM.
const (
	SellBooth  = "exh__sell_booth"            // the action
	BoothSold  = event.Kind("exh.booth_sold") // the event of a sale
	BoothClaim = "exh.booth"                  // the namespace of booths; keys are exhibition/booth
)

// Extension returns the exhibition extension, ready for a host's Config.Extensions or for pluginserve.Serve. Each
// call returns a new one.
func Extension() *plugin.Plugin {
	ext := plugin.New(plugin.Info{ID: "com.example.exhibition", Namespace: "exh", Version: "0.1.0", Title: "Exhibitions"})
	ext.Purpose(plugin.Purpose{ID: personal.Sales, Basis: plugin.Agreement, Text: map[string]string{
		"en": "Selling booths to exhibitors and confirming the sale.",
		"zh": "向参展商销售展位并确认成交。",
	}})
	ext.Reads("customer", personal.Sales) // ids only: a sale needs no name
	ext.LogsInteractions()
	ext.Claims(BoothClaim)
	ext.Emits(BoothSold, "exhibition", "booth")
	ext.Action(plugin.Action{
		Name: SellBooth, Title: "Sell a booth", Purpose: personal.Sales, Roles: []string{"manager", "sales"},
		Input: []plugin.Param{
			{Name: "exhibition", Type: rule.TypeText, Required: true, MaxLen: maxName},
			{Name: "booth", Type: rule.TypeText, Required: true, MaxLen: maxName},
			{Name: "buyer", Type: rule.TypeID, Required: true},
		},
		Output: []plugin.Param{
			{Name: "claim", Type: rule.TypeID, Required: true},
			{Name: "booth", Type: rule.TypeText, Required: true},
		},
	}, sell)
	ext.On(plugin.Subscription{Kind: BoothSold, Purpose: personal.Sales}, confirm)
	return ext
}
