// Package module is how a part of the CRM that is not built in joins it: with its tables, its kinds of records and their
// stores. Tests register such a part by [With]; whatever ranges over kinds then ranges over its kinds, too.
//
// Start with [Module].
package module
