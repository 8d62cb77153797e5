// Package sample makes the customers of the bench: people and organizations in many languages, with addresses, the same
// at each run.
//
//	d := sample.People{Seed: 1}.Draft(42)
//
// Start with [People].
package sample
