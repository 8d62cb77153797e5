// Package plugintest is a host in memory, for the tests of extensions:
//
//	h := plugintest.NewHost(t, vertical.Extension())
//	buyer := h.Add("customer", map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text("ACME")}})
//	_, err := h.Invoke(ctx, "exh__sell_booth", map[string]any{"booth": "A-12", "buyer": buyer.ID})
//	h.Drain(ctx)
//	h.Interactions() // what the extension has logged
//	h.Disclosed()    // what it has seen of whom, and why
//
// It holds an extension to its manifest with the same checks as a real host, hands events over at least once and in
// order per record, and forgets nothing when the extension dies. It works for an extension in process and for a
// process of pluginhost.
//
// Start with [NewHost].
package plugintest
