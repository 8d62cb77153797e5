package cel_test

import "testing"

func databases(t *testing.T) []*database {
	t.Helper()
	return []*database{sqlite(t)}
}
