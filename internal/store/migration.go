package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// Migration is one step of a module's schema, the same number and name in every dialect.
type Migration struct {
	Module  string   // "customer"
	Version int      // from 1, without gaps in its module
	Name    string   // "tables"
	Up      string   // statements that make the step
	Sum     string   // SHA-256 of Up, by which a changed file is found out
	Tables  []string // tables that it makes, in order
}

// String returns the step as module/NNNN_name, which is where its file is.
func (m Migration) String() string { return fmt.Sprintf("%s/%04d_%s", m.Module, m.Version, m.Name) }

// bootstrap is the foundation's file of what the migrator itself needs.
const bootstrap = "0000_migrator.up.sql"

var (
	fileName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.up\.sql$`)
	makes    = regexp.MustCompile(`(?m)^CREATE (?:VIRTUAL )?TABLE (?:IF NOT EXISTS )?(\w+)`)
)

// Migrations returns the steps of modules in the order in which they run. It takes a list as [Arrange] does.
func Migrations(d Dialect, modules []Module) ([]Migration, error) {
	list, err := Arrange(modules)
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, m := range list {
		steps, err := m.steps(d)
		if err != nil {
			return nil, err
		}
		out = append(out, steps...)
	}
	return out, nil
}

func (m Module) steps(d Dialect) ([]Migration, error) {
	files := FS(d, m)
	names, err := fs.Glob(files, "*.up.sql") // sorted
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, name := range names {
		if name == bootstrap {
			continue
		}
		step, err := readMigration(files, name)
		if err != nil {
			return nil, err
		}
		if step.Version != len(out)+1 {
			return nil, fault.New(fault.Internal, "migration %s of %s: want version %d next", name, m.Name, len(out)+1)
		}
		step.Module = m.Name
		out = append(out, step)
	}
	return out, nil
}

func readMigration(files fs.FS, name string) (Migration, error) {
	parts := fileName.FindStringSubmatch(name)
	if parts == nil {
		return Migration{}, fault.New(fault.Internal, "migration %s: want NNNN_name.up.sql", name)
	}
	up, err := fs.ReadFile(files, name)
	if err != nil {
		return Migration{}, err
	}
	version, err := strconv.Atoi(parts[1])
	sum := sha256.Sum256(up)
	return Migration{Version: version, Name: parts[2], Up: string(up), Sum: hex.EncodeToString(sum[:]), Tables: tablesMade(string(up))}, err
}

func tablesMade(script string) []string {
	var out []string
	for _, m := range makes.FindAllStringSubmatch(script, -1) {
		out = append(out, m[1])
	}
	return out
}

// Tables returns the tables that steps make, in order; one that a later step drops is none of them.
func Tables(steps []Migration) []string {
	var out []string
	for _, m := range steps {
		for _, statement := range Statements(m.Up) {
			if dropped, ok := strings.CutPrefix(statement, "DROP TABLE "); ok {
				out = slices.DeleteFunc(out, func(t string) bool { return t == dropped })
			}
		}
		out = append(out, m.Tables...)
	}
	return out
}

// Statements splits a migration's text at the semicolons that end a line, and leaves comment lines out. Migrations
// have no functions or triggers, so that is enough.
func Statements(text string) []string {
	var out []string
	var b strings.Builder
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "--") {
			continue
		}
		end := strings.HasSuffix(trimmed, ";")
		b.WriteString(strings.TrimSuffix(strings.TrimRight(line, "\n"), ";"))
		if !end {
			b.WriteByte('\n')
			continue
		}
		out = append(out, b.String())
		b.Reset()
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		out = append(out, rest)
	}
	return out
}
