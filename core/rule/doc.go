// Package rule has the words of rules: values, sources, outcomes, explanations and predicates, without an engine.
//
// A rule is one boolean CEL expression over the fields of one entity. Blank means unknown: a comparison with a
// blank field is neither true nor false, and each use of a rule fixes what unknown means (a gate blocks, a list
// leaves the record out). Package core/rule/cel has the engine.
//
// A [Predicate] is the part of that language every database can evaluate; stores render it with [Predicate.SQL].
//
// Start with [Compiler] and [Predicate].
package rule
