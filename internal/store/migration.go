package store

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

//go:embed migrations
var migrations embed.FS

// FS returns the migrations of a dialect as NNNN_name.up.sql and NNNN_name.down.sql, for hosts with tools of their
// own. Such a host also fills crm_schema_version, as [Migrate] would, or [Pending] will not know.
func FS(d Dialect) fs.FS {
	sub, err := fs.Sub(migrations, "migrations/"+d.Name())
	if err != nil {
		return emptyFS{}
	}
	return sub
}

type emptyFS struct{}

func (emptyFS) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Migration is one step of the schema, the same number and name in every dialect.
type Migration struct {
	Version int    // from 1, without gaps
	Name    string // "foundation"
	Up      string // statements that make the step
	Down    string // statements that take it back, with all its data
	Sum     string // SHA-256 of Up, by which a changed file is found out
}

// bootstrap is the file of what the migrator itself needs.
const bootstrap = "0000_migrator.up.sql"

var fileName = regexp.MustCompile(`^(\d{4})_([a-z0-9_]+)\.up\.sql$`)

// Migrations returns the migrations of a dialect by version.
func Migrations(d Dialect) ([]Migration, error) {
	files := FS(d)
	names, err := fs.Glob(files, "*.up.sql") // sorted
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, name := range names {
		if name == bootstrap {
			continue
		}
		m, err := readMigration(files, name)
		if err != nil {
			return nil, err
		}
		if m.Version != len(out)+1 {
			return nil, fault.New(fault.Internal, "migration %s: want version %d next", name, len(out)+1)
		}
		out = append(out, m)
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
	down, err := fs.ReadFile(files, strings.TrimSuffix(name, ".up.sql")+".down.sql")
	if err != nil {
		return Migration{}, err
	}
	version, err := strconv.Atoi(parts[1])
	sum := sha256.Sum256(up)
	return Migration{Version: version, Name: parts[2], Up: string(up), Down: string(down), Sum: hex.EncodeToString(sum[:])}, err
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
