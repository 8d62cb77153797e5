package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
)

// Limits of a file.
const (
	DefaultMaxField = 64 << 10 // bytes of one field
	DefaultMaxRow   = 1 << 20  // bytes of one row
	MaxColumns      = 1000     // columns of a file
)

// Format says how a file is written. Its zero value is CSV by RFC 4180 with commas.
type Format struct {
	// NDJSON says that each line is a JSON object, whose members are the columns of its row. What is said of delimiters and
	// quotes plays no part then.
	NDJSON    bool
	Delimiter rune // Defaults to ','; also ';', '|' or a tab
	Detect    bool // without a Delimiter, the one that stands most often in the first line is taken
	MaxField  int  // greatest size of a field in bytes. Defaults to [DefaultMaxField]
	MaxRow    int  // greatest size of a row in bytes, its delimiters not counted. Defaults to [DefaultMaxRow]
}

// delimiters are those that a file may have.
const delimiters = ",;|\t"

func (f *Format) withDefaults() error {
	if f.Delimiter == 0 {
		f.Delimiter = ','
	}
	if f.MaxField == 0 {
		f.MaxField = DefaultMaxField
	}
	if f.MaxRow == 0 {
		f.MaxRow = DefaultMaxRow
	}
	var v fault.Violations
	if !strings.ContainsRune(delimiters, f.Delimiter) {
		v.Add("delimiter", `want "," or ";" or "|" or "tab"`)
	}
	if f.MaxField < 0 || f.MaxRow < 0 {
		v.Add("max_row", "limits must not be negative")
	}
	return v.Err()
}

// Reader reads the rows of a file in UTF-8, with or without a byte order mark. Every row of the file comes out: one that
// cannot be read is a row with faults. Lines in which nothing stands are passed over and counted. Not safe for concurrent use.
//
// A CSV file has a header. Its rows end with LF or CRLF. What stands between quotes is taken as it is, line ends included. A
// quote that is left open makes a fault of its line, and the rows after it are read, where the source is an [io.Seeker]; of
// any other source it takes the lines up to the next quote along, and the fault names them.
//
// The columns of NDJSON are the members of the objects within the first [DefaultMaxRow] bytes. A member that is missing or
// null is blank; one that only later objects have is a fault of its row, so that none is lost. Numbers and truth are read as
// they are written, and a list as its elements with bars between them.
type Reader struct {
	scan    *scanner
	objects *objects // of NDJSON; nil for CSV
	header  []string
	blank   int
}

// NewReader reads the header, or finds the members of the first objects.
//
// Errors: Invalid of field "src" for a nil r, of "delimiter", "max_row", or "header" for a file that is empty or not UTF-8, for
// a header that cannot be read, is larger than a row may be, has a blank or doubled name, or more than [MaxColumns] columns,
// and for NDJSON without an object; errors of r.
func NewReader(r io.Reader, f Format) (*Reader, error) {
	if r == nil {
		return nil, fault.Field("src", "must be the file to read")
	}
	detect := f.Detect && f.Delimiter == 0
	if err := f.withDefaults(); err != nil {
		return nil, err
	}
	src, at := position(r)
	in := bufio.NewReaderSize(r, map[bool]int{false: 64 << 10, true: DefaultMaxRow}[f.NDJSON])
	mark, err := in.Peek(3)
	if err != nil && err != io.EOF {
		return nil, unreadable(err)
	}
	switch {
	case bytes.Equal(mark, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3)
		at += 3
	case bytes.HasPrefix(mark, []byte("\xff\xfe")), bytes.HasPrefix(mark, []byte("\xfe\xff")):
		return nil, fault.Field("header", "the file is in UTF-16: save it in UTF-8")
	}
	if f.NDJSON {
		lines, header, err := openObjects(in, f)
		return &Reader{objects: lines, header: header}, err
	}
	if detect {
		f.Delimiter = detected(in)
	}
	rd := &Reader{scan: &scanner{in: in, src: src, format: f, header: true, line: 1, at: at}}
	return rd, rd.readHeader()
}

// detected returns the delimiter that stands most often, outside of quotes, in the first line that is not blank.
func detected(in *bufio.Reader) rune {
	head, _ := in.Peek(in.Size())
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, "\r\n "), []byte("\n"))
	best, most := ',', 0
	for _, d := range delimiters {
		n, quoted := 0, false
		for _, c := range string(line) {
			quoted = quoted != (c == '"')
			if c == d && !quoted {
				n++
			}
		}
		if n > most {
			best, most = d, n
		}
	}
	return best
}

// position returns a source that can go back, and where it stands.
func position(r io.Reader) (io.ReadSeeker, int64) {
	if src, ok := r.(io.ReadSeeker); ok {
		if at, err := src.Seek(0, io.SeekCurrent); err == nil {
			return src, at
		}
	}
	return nil, 0
}

// unreadable is the fault of a source that fails. One that ends with its context says so.
func unreadable(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(fault.Unavailable, err, "the file cannot be read")
}

func (r *Reader) readHeader() error {
	rec, err := r.next()
	r.scan.header = false
	switch {
	case err == io.EOF: //nolint:errorlint // next returns it bare
		return fault.Field("header", "the file is empty: its first row must name the columns")
	case err != nil:
		return err
	case len(rec.broken) > 0:
		return fault.Field("header", "line %d, column %d: %s", rec.line, rec.broken[0].column+1, rec.broken[0].message)
	case len(rec.fields) > MaxColumns:
		return fault.Field("header", "has more than %d columns", MaxColumns)
	}
	for i, name := range rec.fields {
		name = strings.TrimSpace(name)
		if m := badText(name); m != "" {
			return fault.Field("header", "column %d %s: save the file as CSV in UTF-8", i+1, m)
		}
		if name == "" {
			return fault.Field("header", "column %d has no name", i+1)
		}
		if first := slices.Index(r.header, name); first >= 0 {
			return fault.Field("header", "columns %d and %d are both named %s", first+1, i+1, fault.Quote(name))
		}
		r.header = append(r.header, name)
	}
	return nil
}

// Header returns the names of the columns, without spaces around them. The caller must not change it.
func (r *Reader) Header() []string { return r.header }

// Blank returns how many lines were passed over so far because nothing stands in them.
func (r *Reader) Blank() int { return r.blank }

// Row is one row of a file.
type Row struct {
	Line   int // of the file on which the row begins; the first line is 1
	header []string
	values []string // as many as the row has
	faults []fault.Violation
}

// Faults returns what is wrong with the row's shape, by column, but never what stands in it; a row with any must not be used.
func (r *Row) Faults() []fault.Violation { return r.faults }

// Blank reports whether the row has delimiters and spaces only.
func (r *Row) Blank() bool { return len(r.faults) == 0 && !slices.ContainsFunc(r.values, notBlank) }

// At returns what stands in a column by its place, as it stands there; "" beyond the end of the row.
func (r *Row) At(column int) string {
	if column < 0 || column >= len(r.values) {
		return ""
	}
	return r.values[column]
}

// Get returns the value in a column by its name, as At.
func (r *Row) Get(column string) string { return r.At(slices.Index(r.header, column)) }

// Rows returns the rows in the order of the file. It can be ranged over once. An error ends it: the file itself could
// not be read any further.
func (r *Reader) Rows() iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		for {
			row, err := r.read()
			if err == io.EOF { //nolint:errorlint // read returns it bare
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// read returns the next row; io.EOF at the end.
func (r *Reader) read() (*Row, error) {
	if r.objects != nil {
		row, blank, err := r.objects.row(r.header)
		r.blank += blank
		return row, err
	}
	rec, err := r.next()
	if err != nil {
		return nil, err
	}
	return r.row(rec), nil
}

// next returns the next record that is not a blank line.
func (r *Reader) next() (record, error) {
	for {
		rec, err := r.scan.record()
		if err == nil && rec.last > rec.line && r.header != nil && r.swallows(rec) {
			rec, err = r.scan.shorten(rec)
		}
		if err != nil || len(rec.broken) > 0 || len(rec.fields) > 1 || notBlank(rec.fields[0]) {
			return rec, err
		}
		r.blank++
	}
}

// swallows reports whether a record of several lines is one row that took others along.
func (r *Reader) swallows(rec record) bool {
	return rec.misquoted() || len(rec.fields) != len(r.header) && slices.ContainsFunc(rec.fields, notBlank)
}

func notBlank(s string) bool { return strings.TrimSpace(s) != "" }

// row judges a record's shape against the header.
func (r *Reader) row(rec record) *Row {
	row := &Row{Line: rec.line, header: r.header, values: rec.fields}
	add := func(column int, format string, args ...any) {
		field := r.header[min(column, len(r.header)-1)]
		row.faults = append(row.faults, fault.Violation{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	for _, b := range rec.broken {
		add(b.column, "%s", b.message)
	}
	if n := len(rec.broken); n > 0 {
		if rec.last > rec.line {
			add(rec.broken[n-1].column, "takes in lines %d to %d, because of a quote, and none of them was read", rec.line, rec.last)
		}
		return row
	}
	switch have, want := len(rec.fields), len(r.header); {
	case row.Blank():
		return row
	case have < want:
		add(have, "is missing: the row has %d fields, the header has %d", have, want)
	case have > want:
		add(want-1, "is not the last: the row has %d fields, the header has %d", have, want)
	}
	for i, s := range rec.fields {
		if m := badText(s); m != "" {
			add(i, "%s", m)
		}
	}
	return row
}

// badText returns what is wrong with a field's bytes, "" when nothing is.
func badText(s string) string {
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return "holds a NUL byte"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	}
	return ""
}
