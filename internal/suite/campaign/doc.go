// Package campaign shows what a kind of record costs: only tests register it, and every suite that ranges over kinds runs on it.
//
// Start with [Campaign].
package campaign
