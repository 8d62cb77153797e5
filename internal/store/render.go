package store

import (
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// words are what migrations write for what the databases call differently, with the word of each.
var words = []struct{ word, postgres, sqlite string }{
	{"{id}", "uuid", "BLOB"},
	{"{text}", `text COLLATE "C"`, "TEXT"},
	{"{int}", "bigint", "INTEGER"},
	{"{int32}", "integer", "INTEGER"},
	{"{float}", "double precision", "REAL"},
	{"{bool}", "boolean", "INTEGER"},
	{"{time}", "timestamptz", "INTEGER"}, // microseconds
	{"{date}", "date", "INTEGER"},        // days
	{"{json}", "jsonb", "TEXT"},
	{"{bytes}", "bytea", "BLOB"},
	{"{search}", "tsvector", "INTEGER"}, // on SQLite the row of a full-text index
	{"\n);", "\n);", "\n) WITHOUT ROWID;"},
}

// renderers replace the words, by dialect.
var renderers = map[string]*strings.Replacer{
	Postgres: replacer(func(postgres, _ string) string { return postgres }, "{postgres} ", "", "{sqlite} ", "-- sqlite: "),
	SQLite:   replacer(func(_, sqlite string) string { return sqlite }, "{sqlite} ", "", "{postgres} ", "-- postgres: "),
}

func replacer(pick func(postgres, sqlite string) string, marks ...string) *strings.Replacer {
	pairs := marks
	for _, w := range words {
		pairs = append(pairs, w.word, pick(w.postgres, w.sqlite))
	}
	return strings.NewReplacer(pairs...)
}

var leftOver = regexp.MustCompile(`\{[a-z]\w*\}`)

// Render returns a migration's text for a dialect. Types are words: {id} {text} {int} {int32} {float} {bool} {time}
// {date} {json} {bytes} {search}. A line that begins with {postgres} or {sqlite} is for that database alone. A table
// ends with a line ");", and SQLite keeps it in the order of its key.
//
// Errors: Internal for an unknown word or dialect.
func Render(dialect, text string) (string, error) {
	r, ok := renderers[dialect]
	if !ok {
		return "", fault.New(fault.Internal, "store: no migrations for the dialect %q", dialect)
	}
	out := r.Replace(text)
	if word := leftOver.FindString(out); word != "" {
		return "", fault.New(fault.Internal, "store: a migration has the unknown word %s", word)
	}
	return out, nil
}

// FS returns a module's migrations as a dialect takes them, NNNN_name.up.sql, for hosts with tools of their own. Such a
// host also fills crm_schema_version, as [Migrate] would, or [Pending] will not know.
func FS(d Dialect, m Module) fs.FS { return rendered{m.Migrations, d.Name()} }

type rendered struct {
	fs.FS
	dialect string
}

// Open implements [fs.FS].
func (r rendered) Open(name string) (fs.File, error) {
	f, err := r.FS.Open(name)
	if err != nil || !strings.HasSuffix(name, ".sql") {
		return f, err
	}
	raw, err := io.ReadAll(f)
	if err == nil {
		var text string
		text, err = Render(r.dialect, string(raw))
		return &renderedFile{f, strings.NewReader(text), int64(len(text))}, err
	}
	return nil, err
}

// renderedFile is a file with another text.
type renderedFile struct {
	fs.File
	text *strings.Reader
	size int64
}

// Read implements [fs.File].
func (f *renderedFile) Read(p []byte) (int, error) { return f.text.Read(p) }

// Stat implements [fs.File].
func (f *renderedFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return sized{info, f.size}, err
}

type sized struct {
	fs.FileInfo
	size int64
}

// Size implements [fs.FileInfo].
func (s sized) Size() int64 { return s.size }
