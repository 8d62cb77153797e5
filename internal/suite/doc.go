// Package suite holds the laws that every method of every façade and every kind of record obeys. Its tests range over
// the lists of both, on all three databases: a method or a kind that no table names fails them.
//
// To bring a new façade under the laws, write a table of its methods as in customers_test.go.
package suite
