// Package plugin is the contract between Rapport and its extensions, as an extension's author sees it.
//
//	ext := plugin.New(plugin.Info{ID: "com.example.exhibition", Namespace: "exh", Version: "0.1.0"})
//	ext.Purpose(plugin.Purpose{ID: personal.Sales, Basis: plugin.Agreement, Text: map[string]string{"en": "selling booths"}})
//	ext.Reads("customer", personal.Sales, "name")
//	ext.Claims("exh.booth")
//	ext.Emits("exh.booth_sold", "booth")
//	ext.Action(plugin.Action{Name: "exh__sell_booth", Purpose: personal.Sales, Input: ...}, sellBooth)
//	ext.On(plugin.Subscription{Kind: "exh.booth_sold", Purpose: personal.Sales}, confirm)
//
// The registrations make the [Manifest], which is the whole contract: what is not declared can neither be read nor
// written. A host grants a manifest by listing the extension in its configuration, in process or as a process of its
// own (packages pluginserve and pluginhost); the author's code is the same.
//
// A handler gets a [Host] that is bound to the one event or action that it handles: its purpose, its tenant, its deadline.
// Events come at least once and in order per record; [Host.Commit] stores the consumption of an event and the effects
// of handling it in one transaction, so effects happen once.
//
// Start with [New] and [Host].
package plugin
