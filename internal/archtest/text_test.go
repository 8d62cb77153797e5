package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// traces match what tells where the code was written and says nothing to those
// who read it: paths of a machine. They are put together here so that this file
// does not match itself; core/work is a package, so only absolute paths count.
var traces = regexp.MustCompile(strings.Join([]string{
	`(^|[^\w.\-/])/` + `work/`,
	`(^|[^\w.\-])/` + `root/`,
	`/\.` + `library\b`,
	`/\.` + `mirror\b`,
	`bash_` + `jobs`,
}, "|"))

// mannered matches phrases that a native writer of technical English would not use. They are put together here for the same
// reason.
var mannered = regexp.MustCompile(`(?i)\b(` + strings.Join([]string{
	`tells ` + `that`, `got ` + `from`, `by ` + `itself`, `by ` + `themselves`, `which ` + `see`, `in our ` + `eyes`, `at ` + `hand`,
}, "|") + `)\b`)

func TestNoTraces(t *testing.T) {
	t.Parallel()
	eachLine(t, func(at, line string) {
		if found := traces.FindString(line); found != "" {
			t.Errorf("%s: %q does not belong in the tree", at, found)
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	eachLine(t, func(at, line string) {
		if found := mannered.FindString(line); found != "" {
			t.Errorf("%s: write it plainly: %q", at, found)
		}
	})
}

// eachLine calls fn for each line of each text in the tree.
func eachLine(t *testing.T, fn func(at, line string)) {
	t.Helper()
	dir := root(t)
	for _, name := range tree(t, dir) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if os.IsNotExist(err) {
			continue // removed and not yet committed
		}
		require.NoError(t, err)
		if bytes.IndexByte(text, 0) >= 0 {
			continue // not a text
		}
		for i, line := range strings.Split(string(text), "\n") {
			fn(name+":"+strconv.Itoa(i+1), line)
		}
	}
}

func TestTracesMutants(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]bool{
		"see /" + "work/notes":                 true,
		"/" + "work/notes":                     true,
		`"` + module + `/core/work/workstore"`: false,
		"core/work/engine.go":                  false,
		"../.." + "/." + "library/x":           true,
		"HOME=/" + "root/go":                   true,
		"the root/leaf order":                  false,
	} {
		require.Equal(t, want, traces.MatchString(text), text)
	}
	require.True(t, mannered.MatchString("It ends by "+"itself."))
	require.False(t, mannered.MatchString("a copy of itself; it tells thatched roofs"))
}

// tree lists the files of the checkout that are not ignored; outside a git
// checkout, all files but those in hidden directories.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
	}
	var names []string
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || len(d.Name()) > 1 && d.Name()[0] == '.' && path != ".github"):
			return fs.SkipDir
		case d.Type().IsRegular():
			names = append(names, path)
		}
		return nil
	}))
	return names
}
