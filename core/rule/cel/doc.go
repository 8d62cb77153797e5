// Package cel is the engine of rules: it checks, compiles, evaluates and explains the boolean expressions of
// package rule, and turns them into predicates.
//
//	engine, err := cel.New(cel.Config{})
//	p, err := engine.Compile(env, rule.Source{ID: "proposal", Expr: `amount >= money("10000 EUR") && close_date != null`})
//	switch p.Eval(rec, rule.Input{Now: now, Zone: zone}) { ... }
//
// The language is the Common Expression Language with these words:
//
//   - every field of the entity by its name, blank being null: stage, owner_user, custom.tier; the bound arguments;
//   - now, the instant of the decision, and today, its day in the zone of the decision;
//   - has(x), which is x != null;
//   - money("10000.00 EUR"), date("2026-03-29"), timestamp("2026-03-29T10:00:00Z"), id("0190…"), duration("36h"), each with
//     a literal in quotes, and days(n): calendar days, added to a date or a time, in the zone of the decision;
//   - && || ! ?: == != < <= > >= in + - * / %, startsWith, endsWith, contains, matches, size, double, and over lists of text
//     exists and all.
//
// A comparison with blank is unknown, but equality is always definite: x == "a" is false and x != "a" is true for a blank x.
// Amounts of two currencies differ, and which of them is greater is unknown.
//
// Which part of that a database can evaluate is for [rule.Program.Predicate] to say; everything else is for
// decisions about one record.
//
// Start with [New].
package cel
