// Package pluginstore keeps what the boundary to plugins remembers: the disclosure ledger, which events took effect,
// what plugins keep for themselves, and the versions of their own records.
//
// Start with [Store].
package pluginstore
