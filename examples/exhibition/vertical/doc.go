// Package vertical extends the CRM for organisers of exhibitions: booths are sold through claims, so that none is
// sold twice, and each sale is confirmed on the buyer's timeline exactly once.
//
//	values, err := s.Plugins.Invoke(ctx, "exh__sell_booth", map[string]any{
//		"exhibition": "spring-2027", "booth": "A-12", "buyer": acme.ID,
//	})
//
// It knows the contract of package plugin and nothing else of the CRM, so it runs in process and as a process of its
// own alike.
//
// Start with [Extension].
package vertical
