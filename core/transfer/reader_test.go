package transfer_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/transfer"
)

// read returns every row as "line: a|b" or its faults.
func read(t *testing.T, src io.Reader, f transfer.Format) ([]string, *transfer.Reader, error) {
	t.Helper()
	rd, err := transfer.NewReader(src, f)
	if err != nil {
		return nil, nil, err
	}
	var out []string
	for row, err := range rd.Rows() {
		require.NoError(t, err)
		if len(row.Faults()) > 0 {
			for _, f := range row.Faults() {
				place := fmt.Sprintf("line %d", row.Line)
				if f.Field != "" {
					place += ", " + f.Field
				}
				out = append(out, place+": "+f.Message)
			}
			continue
		}
		var values []string
		for _, c := range rd.Header() {
			values = append(values, row.Get(c))
		}
		out = append(out, fmt.Sprintf("%d: %s", row.Line, strings.Join(values, "|")))
	}
	return out, rd, nil
}

const largeField = "has more than 4 bytes: shorten it, look for a quote too many, or raise Format.MaxField"

func TestReader(t *testing.T) {
	t.Parallel()

	small := transfer.Format{MaxField: 4, MaxRow: 6}
	tests := map[string]struct {
		text   string
		format transfer.Format
		want   []string
		blank  int
	}{
		"plain":                  {text: "a,b\n1,2\n3,4\n", want: []string{"2: 1|2", "3: 3|4"}},
		"no line end at the end": {text: "a,b\n1,2", want: []string{"2: 1|2"}},
		"header alone":           {text: "a,b"},
		"byte order mark":        {text: "\ufeffa,b\n1,2\n", want: []string{"2: 1|2"}},
		"mark and quotes":        {text: "\ufeff\"a\",b\n1,2\n", want: []string{"2: 1|2"}},
		"CRLF":                   {text: "a,b\r\n1,2\r\n\"x\",\"y\"\r\n", want: []string{"2: 1|2", "3: x|y"}},
		"CR at the very end":     {text: "a,b\r\n1,2\r", want: []string{"2: 1|2"}},
		"spaces around":          {text: " a ,b\n 1 ,2\n", want: []string{"2:  1 |2"}},
		"semicolons":             {text: "a;b\n1,5;2\n", format: transfer.Format{Delimiter: ';'}, want: []string{"2: 1,5|2"}},
		"tabs":                   {text: "a\tb\n1\t2\n", format: transfer.Format{Delimiter: '\t'}, want: []string{"2: 1|2"}},
		"quoted":                 {text: "a,b\n\"x, \"\"y\"\"\",\"\"\n", want: []string{`2: x, "y"|`}},
		"quoted line ends":       {text: "a,b\n\"x\r\ny\nz\",2\n3,4\n", want: []string{"2: x\r\ny\nz|2", "5: 3|4"}},
		"blank rows":             {text: "a,b\n\n1,2\n,\n \n\r\n\"\",\n3,4\n", want: []string{"3: 1|2", "4: |", "7: |", "8: 3|4"}, blank: 3},
		"too few and too many": {text: "a,b\n1\n1,2,3\n1,2\n", want: []string{
			"line 2, b: is missing: the row has 1 fields, the header has 2", "line 3, b: is not the last: the row has 3 fields, the header has 2", "4: 1|2",
		}},
		"not UTF-8": {text: "a,b\nGr\xfc\xdfe,2\n3,4\n", want: []string{"line 2, a: is not valid UTF-8", "3: 3|4"}},
		"NUL":       {text: "a,b\n1,\x00\n3,4\n", want: []string{"line 2, b: holds a NUL byte", "3: 3|4"}},
		"bare quote": {
			text: "a,b\n5\" pipe,2\n3,4\n",
			want: []string{"line 2, a: has a quote in the middle: put the whole field between quotes, and write the quote twice", "3: 3|4"},
		},
		"text after a quote": {
			text: "a,b\n\"x\"y,\"2\n3,4\n",
			want: []string{"line 2, a: goes on after its closing quote: write a quote inside a quoted field twice", "3: 3|4"},
		},
		"a quote that swallows rows": {
			text: "a,b\n\"x,1\n3,4\n\"y\",5\n6,7\n",
			want: []string{openQuote(2, "a"), "3: 3|4", "4: y|5", "5: 6|7"},
		},
		"a quote never closed": {
			text: "a,b\n1,2\n3,\"x\n5,6\n",
			want: []string{"2: 1|2", openQuote(3, "b"), "4: 5|6"},
		},
		"a quote closed by another's": {
			text: "\ufeffa,b\n\"x\r\ny\",1\n\"2,3\r\n4,5\n6,7\"\n8,\"9\n\"\n",
			want: []string{
				"2: x\r\ny|1", openQuote(4, "a"), "5: 4|5",
				"line 6, b: has a quote in the middle: put the whole field between quotes, and write the quote twice", "7: 8|9\n",
			},
		},
		"quotes never closed": {
			text: "a,b\n\"1,2\n\"3,4\n5,\"6\n\n\"7\",8\n", blank: 1,
			want: []string{openQuote(2, "a"), openQuote(3, "a"), openQuote(4, "b"), "6: 7|8"},
		},
		"carriage return alone": {
			text: "a,b\n1\r2,3\n4,5\n",
			want: []string{"line 2, a: has a carriage return that ends no line: rows end with LF or CRLF", "3: 4|5"},
		},
		"large field": {
			text: "a,b\n1234,1\n12345,1\n2,\"1\n345\"\n3,4\n", format: small,
			want: []string{
				"2: 1234|1", "line 3, a: " + largeField,
				"line 4, b: " + largeField, "line 4, b: takes in lines 4 to 5, because of a quote, and none of them was read", "6: 3|4",
			},
		},
		"large row": {
			text: "a,b\n1234,567\n1234,56\n", format: small,
			want: []string{"line 2, b: is where the row gets more than 6 bytes: shorten it, look for a missing line end, or raise Format.MaxRow", "3: 1234|56"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got, rd, err := read(t, strings.NewReader(tt.text), tt.format)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.blank, rd.Blank())
		})
	}
}

// openQuote is the fault of a quote that would take other rows along.
func openQuote(row int, field string) string {
	return fmt.Sprintf("line %d, %s: begins with a quote that is not closed on its line, and makes no row with the lines after it", row, field)
}

// Without a way back the rows that a quote takes along are told.
func TestAnOpenQuoteInAStreamTellsWhatItTakesAlong(t *testing.T) {
	t.Parallel()

	for text, want := range map[string][]string{
		"a,b\n\"x,1\n3,4\n\"y\",5\n6,7\n": {
			"line 2, a: goes on after its closing quote: write a quote inside a quoted field twice",
			"line 2, a: takes in lines 2 to 4, because of a quote, and none of them was read", "5: 6|7",
		},
		"a,b\n1,2\n3,\"x\n5,6\n": {
			"2: 1|2", "line 3, b: has a quote that is never closed", "line 3, b: takes in lines 3 to 5, because of a quote, and none of them was read",
		},
	} {
		got, _, err := read(t, io.MultiReader(strings.NewReader(text)), transfer.Format{})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// A reader that begins in the middle of a file goes back to where it was, and a file with a quote in each line takes
// no longer than its length.
func TestGoingBack(t *testing.T) {
	t.Parallel()

	src := strings.NewReader("preface\na,b\n\"1,2\n3,4\n")
	_, err := src.Seek(int64(len("preface\n")), io.SeekStart)
	require.NoError(t, err)
	got, _, err := read(t, src, transfer.Format{})
	require.NoError(t, err)
	require.Equal(t, []string{openQuote(2, "a"), "3: 3|4"}, got)

	counted := &counter{ReadSeeker: strings.NewReader("a\n" + strings.Repeat("\"1\n", 10_000))}
	got, _, err = read(t, counted, transfer.Format{})
	require.NoError(t, err)
	require.Len(t, got, 10_000)
	require.LessOrEqual(t, counted.seeks, 10_001)
}

// counter counts how often its reader goes somewhere else.
type counter struct {
	io.ReadSeeker
	seeks int
}

func (c *counter) Seek(offset int64, whence int) (int64, error) {
	c.seeks++
	return c.ReadSeeker.Seek(offset, whence)
}

func TestHeaderRefused(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct{ text, want string }{
		"empty file":     {"", "the file is empty"},
		"blank file":     {"\n\n  \n", "the file is empty"},
		"mark alone":     {"\ufeff", "the file is empty"},
		"doubled column": {"a,b, a\n", `columns 1 and 3 are both named "a"`},
		"blank column":   {"a,,b\n", "column 2 has no name"},
		"open quote":     {"a,\"b\n1,2\n", "line 1, column 2: has a quote that is never closed"},
		"UTF-16":         {"\xff\xfea\x00,\x00b\x00", "UTF-16"},
		"UTF-16, no BOM": {"a\x00,\x00b\x00", "column 1 holds a NUL byte"},
		"Latin-1":        {"Gr\xf6\xdfe,b\n", "column 1 is not valid UTF-8"},
		"CR line ends":   {"a,b\r1,2\r", "rows end with LF or CRLF"},
		"many columns":   {strings.Repeat("a,", 1<<20), "has more than 1000 columns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			_, _, err := read(t, strings.NewReader(tt.text), transfer.Format{})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "header")
		})
	}
	_, _, err := read(t, strings.NewReader("a"), transfer.Format{Delimiter: 'x'})
	require.ErrorContains(t, err, "delimiter")
	_, _, err = read(t, strings.NewReader("a"), transfer.Format{MaxRow: -1})
	require.ErrorContains(t, err, "must not be negative")
}

func TestReaderPassesErrorsOfItsSource(t *testing.T) {
	t.Parallel()

	broken := errors.New("disk on fire")
	_, err := transfer.NewReader(iotest.ErrReader(broken), transfer.Format{})
	require.ErrorIs(t, err, broken)
	rd, err := transfer.NewReader(io.MultiReader(strings.NewReader("a\n1\n2"), iotest.ErrReader(broken)), transfer.Format{})
	require.NoError(t, err)
	var lines []int
	for row, err := range rd.Rows() {
		if err != nil {
			require.ErrorIs(t, err, broken)
			require.ErrorIs(t, err, fault.ErrUnavailable)
			break
		}
		lines = append(lines, row.Line)
	}
	require.Equal(t, []int{2}, lines, "half a row is no row")
}

// A large row costs no more memory than the limits, and the rows after it are read.
func TestReaderIsBounded(t *testing.T) {
	t.Parallel()

	long := io.LimitReader(endless('x'), 64<<20)
	rd, err := transfer.NewReader(io.MultiReader(strings.NewReader("a,b\n\""), long, strings.NewReader("\",1\n2,3\n")), transfer.Format{})
	require.NoError(t, err)
	var got []string
	for row, err := range rd.Rows() {
		require.NoError(t, err)
		got = append(got, fmt.Sprint(row.Line, len(row.Get("a")) <= transfer.DefaultMaxField, len(row.Faults())))
	}
	require.Equal(t, []string{"2 true 1", "3 true 0"}, got)
}

// A file without a line end, such as a device, is given up when its header gets too large.
func TestHeaderIsBounded(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		begin, want string
		then        byte
	}{
		"zeros":         {"", "line 1, column 1: has more than 65536 bytes", 0},
		"letters":       {"a,b", "line 1, column 2: has more than 65536 bytes", 'x'},
		"open quote":    {`a,"`, "line 1, column 2: has more than 65536 bytes", 'x'},
		"misquoted":     {`a,b"`, "line 1, column 2: has a quote in the middle", 'x'},
		"delimiters":    {"a", "has more than 1000 columns", ','},
		"returns":       {"a", "line 1, column 1: has a carriage return that ends no line", '\r'},
		"many of 60 kB": {strings.Repeat(strings.Repeat("x", 60_000)+",", 17) + strings.Repeat("x", 30_000), "line 1, column 18: is where the row gets more than 1048576 bytes", 'x'},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			src := &io.LimitedReader{R: io.MultiReader(strings.NewReader(tt.begin), endless(tt.then)), N: 8 << 20}
			_, err := transfer.NewReader(src, transfer.Format{})
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.ErrorContains(t, err, "header: "+tt.want)
			require.Greater(t, src.N, int64(6<<20), "how much is left")
		})
	}
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// FuzzReader holds the reader against encoding/csv: where that reads a file without complaint, ours reads the same;
// and whatever the file, no line is lost.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"a,b\n1,2\n", "a,b\r\n\"x\r\n\",2", "\ufeffa\n\"\"\"\"", "a,b\n\n,\n1", "a\n\"x\"y\nz", "a\n\"", "a,b\n\xff,\x00\n", "a\r", "a\n\r\n\r1",
	} {
		f.Add(s, byte(0))
	}
	f.Fuzz(func(t *testing.T, text string, which byte) {
		format := transfer.Format{Delimiter: []rune{',', ';', '\t', '|'}[which%4], MaxField: 64, MaxRow: 256}
		mine, faulty, ok := values(t, io.MultiReader(strings.NewReader(text)), format)
		if !ok {
			return
		}
		if again, bad, _ := values(t, strings.NewReader(text), format); faulty == 0 {
			require.Zero(t, bad)
			require.Equal(t, mine, again, "a source that can go back gives the same rows")
		}
		theirs, err := standard(text, format.Delimiter)
		if err != nil {
			return
		}
		require.Len(t, theirs, 1+len(mine)+faulty, "every row comes out")
		if faulty == 0 {
			require.Equal(t, theirs[1:], append([][]string{}, mine...))
		}
	})
}

// values returns what stands in the rows that have no faults, and how many have; ok is false for a header that is none.
func values(t *testing.T, src io.Reader, f transfer.Format) (list [][]string, faulty int, ok bool) {
	t.Helper()
	rd, err := transfer.NewReader(src, f)
	if err != nil {
		require.ErrorIs(t, err, fault.ErrInvalid)
		return nil, 0, false
	}
	line := 1
	for row, err := range rd.Rows() {
		require.NoError(t, err)
		require.Greater(t, row.Line, line, "rows come in order")
		line = row.Line
		for _, f := range row.Faults() {
			require.NotEmpty(t, f.Field)
		}
		switch {
		case len(row.Faults()) > 0:
			faulty++
		case !row.Blank():
			var v []string
			for i := range rd.Header() {
				v = append(v, strings.TrimSpace(row.At(i)))
			}
			list = append(list, v)
		}
	}
	return list, faulty, true
}

// standard is the reading of encoding/csv, with our views on blank rows, spaces and line ends within quotes.
func standard(text string, delimiter rune) ([][]string, error) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comma, r.FieldsPerRecord = delimiter, -1
	all, err := r.ReadAll()
	if err != nil || strings.Contains(text, "\r") {
		return nil, errors.Join(err, errors.New("carriage returns within quotes are lost there"))
	}
	blank := func(row []string) bool { // too many spaces are a fault
		text := strings.Join(row, "")
		return strings.TrimSpace(text) == "" && len(text) <= 64
	}
	all = slices.DeleteFunc(all, blank)
	for _, row := range all {
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
	}
	return all, nil
}
