package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// load asks the go command once for all packages and what they depend on.
var load = sync.OnceValues(func() ([]Package, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "list", "-e", "-deps",
		"-json=ImportPath,Dir,Standard,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(err, errors.New(stderr.String()))
	}
	var packages []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, err
		}
		packages = append(packages, p)
	}
})

// findRoot returns the directory of go.mod.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := findRoot()
	require.NoError(t, err)
	return dir
}

// ours returns the packages of the module that have Go files.
func ours(t *testing.T) []Package {
	t.Helper()
	packages, err := load()
	require.NoError(t, err)
	var own []Package
	for _, p := range packages {
		if p.own() && len(p.GoFiles) > 0 {
			own = append(own, p)
		}
	}
	require.NotEmpty(t, own)
	return own
}

func TestImports(t *testing.T) {
	t.Parallel()

	packages, err := load()
	require.NoError(t, err)
	for _, problem := range Check(packages) {
		t.Error(problem)
	}
}

// Every mutant breaks one rule, and the check must name it. The list is made up,
// so that no real package has to be broken.
func TestMutants(t *testing.T) {
	t.Parallel()

	for name, tc := range map[string]struct {
		pkg     string
		imports []string
		want    string // "" is a package in order
	}{
		"standard library":            {"core/fault", []string{"errors", "net/http"}, ""},
		"core among itself":           {"core/work", []string{module + "/core/claim"}, ""},
		"core and the engine":         {"core/work", []string{module + "/core/rule/cel"}, "core/work imports core/rule/cel"},
		"core and a domain":           {"core/work", []string{module + "/customer"}, "core/work imports customer"},
		"a library elsewhere":         {"core/page", []string{"github.com/google/uuid"}, "core/page imports github.com/google/uuid"},
		"a library at home":           {"core/ident", []string{"github.com/google/uuid"}, ""},
		"a similar name":              {"core/ident", []string{"github.com/google/uuid2"}, "core/ident imports github.com/google/uuid2"},
		"domain and domain":           {"pipeline", []string{module + "/customer"}, "pipeline imports customer"},
		"domain within its family":    {"service/sla", []string{module + "/service"}, ""},
		"domain and bun":              {"customer", []string{"github.com/uptrace/bun"}, "customer imports github.com/uptrace/bun"},
		"domain and bun by a detour":  {"customer/segment", []string{module + "/core/bad"}, "customer/segment reaches core/bad → github.com/uptrace/bun"},
		"weight by a detour":          {"customer", []string{module + "/customer/phone"}, "customer reaches customer/phone → github.com/nyaruka/phonenumbers"},
		"phone library at home":       {"customer/phone", []string{"github.com/nyaruka/phonenumbers"}, ""},
		"plugin and gRPC":             {"plugin", []string{"google.golang.org/grpc/codes"}, "plugin imports google.golang.org/grpc/codes"},
		"host and gRPC":               {"plugin/pluginhost", []string{"google.golang.org/grpc/codes"}, ""},
		"host and domain":             {"plugin/pluginhost", []string{module + "/privacy"}, "plugin/pluginhost imports privacy"},
		"store and driver":            {"internal/store", []string{"github.com/jackc/pgx/v5/stdlib"}, "internal/store imports github.com/jackc/pgx"},
		"store and roof":              {"internal/store/corestore", []string{module + "/crm"}, "internal/store/corestore imports crm"},
		"boundary and bun":            {"internal/boundary", []string{"github.com/uptrace/bun"}, "internal/boundary imports github.com/uptrace/bun"},
		"roof and driver":             {"crm", []string{"modernc.org/sqlite"}, "crm imports modernc.org/sqlite"},
		"roof and wire":               {"crm", []string{module + "/plugin/pluginhost"}, "crm imports plugin/pluginhost"},
		"roof and bun":                {"crm", []string{"github.com/uptrace/bun"}, ""},
		"adapter and its driver":      {"crm/sqlite", []string{"modernc.org/sqlite", module + "/crm"}, ""},
		"adapter and the other":       {"crm/sqlite", []string{module + "/crm/postgres"}, "crm/sqlite imports crm/postgres"},
		"production and test library": {"crm", []string{"github.com/stretchr/testify/require"}, "tests only"},
		"the same by a detour":        {"cmd/rapport", []string{module + "/plugin/plugintest"}, "cmd/rapport reaches plugin/plugintest → github.com/stretchr/testify/require"},
		"production and test server":  {"internal/store", []string{module + "/internal/dbtest"}, "internal/store imports internal/dbtest"},
		"command and internals":       {"cmd/rapport", []string{module + "/internal/store"}, "cmd/rapport imports internal/store"},
		"command and bench":           {"cmd/rapport", []string{module + "/internal/bench"}, ""},
		"example and internals":       {"examples/quickstart", []string{module + "/internal/bench"}, "examples/quickstart imports internal/bench"},
		"cgo":                         {"crm/sqlite", []string{"C"}, "crm/sqlite imports C"},
		"no room":                     {"util", nil, "util: no rule matches it: give this package a room"},
		"no room for the root":        {"", nil, ".: no rule matches it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			mutant := Package{ImportPath: strings.TrimSuffix(module+"/"+tc.pkg, "/"), Imports: tc.imports}
			var problems []string
			for _, problem := range Check([]Package{
				mutant,
				{ImportPath: module + "/core/bad", Imports: []string{"github.com/uptrace/bun"}},
				{ImportPath: module + "/customer/phone", Imports: []string{"github.com/nyaruka/phonenumbers"}},
				{ImportPath: module + "/plugin/plugintest", Imports: []string{"github.com/stretchr/testify/require"}},
			}) {
				if strings.HasPrefix(problem, ownName(mutant.ImportPath)) && !strings.HasPrefix(problem, "core/bad") {
					problems = append(problems, problem)
				}
			}
			if tc.want == "" {
				require.Empty(t, problems)
				return
			}
			require.NotEmpty(t, problems)
			require.Contains(t, strings.Join(problems, "\n"), tc.want)
		})
	}
}

func TestTestImports(t *testing.T) {
	t.Parallel()

	require.Empty(t, Check([]Package{{
		ImportPath: module + "/customer", TestImports: []string{"testing", "pgregory.net/rapid"},
		XTestImports: []string{module + "/crm/crmtest", "github.com/jackc/pgx/v5"},
	}}))
	require.NotEmpty(t, Check([]Package{{ImportPath: module + "/customer", TestImports: []string{"github.com/golang/mock/gomock"}}}))
}
