package dbtest

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoPostgres is returned by [StartServer] where neither CRM_TEST_DSN nor the
// server's programs can be found. Its text tells what to do.
var ErrNoPostgres = errors.New("no PostgreSQL found: install the Debian package postgresql, or set CRM_TEST_DSN")

// installed are the directories where packagers put initdb and postgres.
var installed = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
}

// findBinaries returns the directory that holds initdb and postgres.
func findBinaries() (string, error) {
	if dir := os.Getenv("CRM_PG_BINDIR"); dir != "" {
		if !holdsServer(dir) {
			return "", errors.New("CRM_PG_BINDIR: no initdb and postgres in " + dir)
		}
		return dir, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		// A link in PATH often points at one program of a directory that holds them all.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		if dir := filepath.Dir(path); holdsServer(dir) {
			return dir, nil
		}
	}
	for _, pattern := range installed {
		dirs, _ := filepath.Glob(pattern) // the patterns are well formed
		slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
		for _, dir := range dirs {
			if holdsServer(dir) {
				return dir, nil
			}
		}
	}
	return "", ErrNoPostgres
}

func holdsServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// version reads the number in a directory such as /usr/lib/postgresql/15/bin;
// 0 where there is none.
func version(dir string) float64 {
	name := filepath.Base(filepath.Dir(dir))
	name = strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz-@")
	n, err := strconv.ParseFloat(name, 64)
	if err != nil {
		return 0
	}
	return n
}
