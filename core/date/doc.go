// Package date has calendar days: a birthday, a close date, the last day of a contract. A day has no time and no
// zone; it becomes one of both only where [FromTime] reads it off a clock in a place.
//
//	d := date.MustParse("2026-01-31")
//	d.AddMonths(1)        // 2026-02-28
//	d.Before(d.AddDays(1)) // true
//
// Start with [Date].
package date
