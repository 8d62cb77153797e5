package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

// TestMain runs the tests, or, in a process that a test has started, the child that is to be killed.
func TestMain(m *testing.M) {
	if job := os.Getenv("FAULTS_CHILD"); job != "" {
		if err := runChild(job); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(dbtest.Main(m))
}

// soak picks between the size for every day and the full one.
func soak[T any](daily, full T) T {
	if os.Getenv("CRM_SOAK") == "1" {
		return full
	}
	return daily
}

// seeded returns a generator whose seed is printed, so that CRM_SEED repeats the run.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	if s := os.Getenv("CRM_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CRM_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("CRM_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test must be repeatable
}
