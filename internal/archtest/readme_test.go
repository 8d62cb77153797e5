package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/store"
)

// testSources returns the test files of the module, by path from its root.
func testSources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, p := range ours(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		require.NoError(t, err)
		for _, file := range files {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			out[strings.TrimPrefix(file, root(t)+"/")] = string(b)
		}
	}
	return out
}

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), "README.md"))
	require.NoError(t, err)
	return string(b)
}

// tested are the names that the tests of crm have in place of the README's.
var tested = strings.NewReplacer("log.Fatal(err)", "return err", "sqlite.Memory", `"crm.db"`, "b.Dialect", "postgres.Dialect")

var (
	goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")
	comment = regexp.MustCompile(`(^|\s)//.*`)
	row     = regexp.MustCompile(`(?m)^\| ([CSMVAPX][0-9]+(?:, [CSMVAPX][0-9]+)*) \|`)
)

// code returns a line without comment and superfluous space.
func code(line string) string {
	return strings.Join(strings.Fields(comment.ReplaceAllString(line, "")), " ")
}

// unproved returns the lines of a page's Go code that no line of the sources holds. What follows … is left out.
func unproved(page string, sources []string) (missing []string) {
	var have []string
	for _, source := range sources {
		for line := range strings.Lines(tested.Replace(source)) {
			have = append(have, code(line))
		}
	}
	for _, block := range goBlock.FindAllStringSubmatch(page, -1) {
		for line := range strings.Lines(block[1]) {
			want, _, elided := strings.Cut(code(line), "…")
			want = strings.TrimSpace(want)
			if !slices.ContainsFunc(have, func(s string) bool { return s == want || elided && strings.HasPrefix(s, want) }) {
				missing = append(missing, want)
			}
		}
	}
	return missing
}

func TestTheReadmesCodeRuns(t *testing.T) {
	t.Parallel()

	var sources []string
	for file, source := range testSources(t) {
		if filepath.Dir(file) == "crm" {
			sources = append(sources, source)
		}
	}
	require.Empty(t, unproved(readme(t), sources), "lines of README.md that no test of package crm has")

	require.Equal(t, []string{"b := 2"}, unproved("```go\na := f(…) // a\nb := 2\n```", []string{"\ta := f(1) // one\n", "c := 3\n"}))
}

var (
	weightRow = regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|[^|]*\\|[^|]*\\| *(\\d[\\d, ]*)[^|]*\\|$")
	ticked    = regexp.MustCompile("`([^`]+)`")
)

// tablesSaid are the tables per module that a page's weight table tells; the row of crm is the foundation's.
func tablesSaid(t *testing.T, page string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, r := range weightRow.FindAllStringSubmatch(page, -1) {
		names, counts := ticked.FindAllStringSubmatch(r[1], -1), strings.Split(strings.TrimSpace(r[2]), ", ")
		require.Len(t, counts, len(names), r[0])
		for i, name := range names {
			out[strings.Replace(name[1], "crm", store.Foundation, 1)] = counts[i]
		}
	}
	return out
}

func TestTheReadmesTablesPerModule(t *testing.T) {
	t.Parallel()

	want := map[string]string{}
	for _, m := range store.Modules() {
		golden, err := fs.ReadFile(m.Migrations, "postgres.golden")
		require.NoError(t, err)
		want[m.Name] = strconv.Itoa(strings.Count("\n"+string(golden), "\ntable "))
	}
	require.Equal(t, want, tablesSaid(t, readme(t)))

	require.Equal(t, map[string]string{"a": "1", "b": "22", "foundation": "3"},
		tablesSaid(t, "| `a`, `b` | 1 MB | 2 | 1, 22 |\n| `crm` | 1 MB | 9 | 3 of it |\n| `c` | 1 MB | 2: x | |\n| x | 1 |"))
}

func TestEveryRequirementOfTheReadmeHasATest(t *testing.T) {
	t.Parallel()

	rows := row.FindAllStringSubmatch(readme(t), -1)
	require.Greater(t, len(rows), 5)
	var all strings.Builder
	for _, source := range testSources(t) {
		all.WriteString(source)
	}
	for _, r := range rows {
		for id := range strings.SplitSeq(r[1], ", ") {
			require.Regexp(t, `(?m)^func Test`+id+`[A-Z]`, all.String(), "a test named after %s", id)
		}
	}
}
