// Package faults holds the tests that break things on purpose: a matrix that injects failures into every statement of
// the product, real connections and processes that are killed under load, leaks, races, and cancelled work. Afterwards
// each database is reconciled row by row and event by event with what must be there, by plain SQL that shares no code
// with the product. It has no code of its own.
//
// Every test prints its seed; CRM_SEED repeats it, and CRM_SOAK=1 runs everything at full size.
package faults
