package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// paths match what the one read path and the one write path do, and nobody else: judging a record by the row predicate of
// an access, and masking it.
var paths = regexp.MustCompile(`\bRows\.Eval\(|\.Hiding\(|\bGuard\(\)\.Apply\(|\bc\.Mask\(`)

// beside lists what may do so: the paths themselves, and what they judge and mask by.
var beside = []string{"core/work/", "core/schema/", "internal/archtest/"}

func TestRowsAreJudgedAndMaskedInOnePlace(t *testing.T) {
	t.Parallel()

	dir := root(t)
	for _, name := range tree(t, dir) {
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || hasPrefix(name, beside) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for i, line := range strings.Split(string(text), "\n") {
			if found := paths.FindString(line); found != "" {
				t.Errorf("%s:%d: %s is for core/work alone: use work.Records", name, i+1, found)
			}
		}
	}
}

func TestRowsMutants(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]bool{
		"if c.Access.Rows.Eval(c.Entity.Record(rec)) != rule.Yes {": true,
		"c.Mask(rec)":             true,
		"e.Guard().Apply(rec)":    true,
		"c.Access.Rows.IsTrue()":  false,
		"c.Access.Mask.Has(name)": false,
	} {
		require.Equal(t, want, paths.MatchString(text), text)
	}
}

func hasPrefix(name string, list []string) bool {
	for _, p := range list {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
