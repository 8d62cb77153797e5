// Package campaign is a kind of record that only tests register. It shows what a kind costs: these files and the migration
// beside them are everything its author writes, and every suite that ranges over kinds runs on it.
//
// Start with [Campaign].
package campaign
