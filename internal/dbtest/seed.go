package dbtest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Seed returns a random number for the generators of a test and prints it; CRM_SEED in the environment takes its place,
// so that a run can be repeated.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64() //nolint:gosec // any number will do
	if s := os.Getenv("CRM_SEED"); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		check(t, err)
	}
	t.Logf("CRM_SEED=%d", seed)
	return seed
}

// Soak returns how much a test does: full when CRM_SOAK is 1, daily otherwise.
func Soak[T any](daily, full T) T {
	if os.Getenv("CRM_SOAK") == "1" {
		return full
	}
	return daily
}
