package money

import (
	"cmp"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
)

// byRemainder lists the indexes from the largest remainder to the smallest, earlier ones first among equals.
func byRemainder(rest []uint64) []int {
	order := make([]int, len(rest))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(rest[j], rest[i]) })
	return order
}

// magnitude is |n|, for the smallest int64 too.
func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func (a Amount) same(o Amount) error {
	if a.Currency != o.Currency || a.Currency == "" {
		return fault.Field("currency", "the amounts have different currencies or none: convert one of them first")
	}
	return nil
}
