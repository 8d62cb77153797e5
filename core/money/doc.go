// Package money has exact amounts: whole minor units (cents) of an ISO 4217 currency. No float holds money.
//
//	a, err := money.Parse("10000.00 EUR") // {1000000 EUR}
//	b, err := a.Percent("19")             // 1900.00 EUR, half to even
//	parts, err := a.Allocate(1, 1, 1)     // 3333.34, 3333.33, 3333.33: nothing is lost
//
// Amounts of different currencies do not add up or compare; that is a fault, never a silent conversion.
//
// Start with [Amount] and [Parse].
package money
