// Package archtest keeps the rooms of the house apart: a table says what each
// package may import, and a test compares it with what it does import.
//
// The table is an allow-list. A package that matches none of its rows fails the
// test, as does an import that no row mentions; the message names the rule, so
// that a change of the architecture is a change of the table and visible as one.
//
//	problems := archtest.Check(packages) // packages come from go list
//
// The tests of this package also see to package comments, documented exports, the length of functions, the width of tags,
// and texts that must not occur in the tree. Start with the variable rooms.
package archtest
