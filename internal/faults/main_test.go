package faults_test

import (
	"fmt"
	"os"
	"testing"

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
