package transfer

import (
	"bufio"
	"fmt"
	"io"
	"slices"
)

// scanner splits a file into records. It is ours because encoding/csv has no limits, drops carriage returns from
// quoted text, and gives up the rest of a line, or of the file, without saying how much that was.
type scanner struct {
	in     *bufio.Reader
	src    io.ReadSeeker // what in reads, where it can go back; nil otherwise
	format Format
	header bool  // the next record is the header, which ends where it is wrong: no row is worth what comes behind it
	line   int   // of the next byte
	at     int64 // of the next byte, in src
	cut    cut

	buf    []byte // text of the fields read so far
	ends   []int  // where each ends
	size   int    // bytes of the fields, kept or not
	start  int    // size at which the present field began
	broken []breach
}

// record is one row as it stands in the file.
type record struct {
	line, last int // the lines it spans
	fields     []string
	broken     []breach // at most one of a column; with any, fields are cut
}

// misquoted reports whether a quote is what breaks the record.
func (r *record) misquoted() bool {
	return slices.ContainsFunc(r.broken, func(b breach) bool { return b.message == msgOpen || b.message == msgAfter })
}

type breach struct {
	column  int
	message string
}

// cut is where the first line of a record ends within quotes.
type cut struct {
	at     int64 // of the byte behind it; 0 for none
	column int   // the field whose quotes it is in
}

const (
	msgBareQuote = `has a quote in the middle: put the whole field between quotes, and write the quote twice`
	msgAfter     = `goes on after its closing quote: write a quote inside a quoted field twice`
	msgOpen      = `has a quote that is never closed`
	msgCut       = `begins with a quote that is not closed on its line, and makes no row with the lines after it`
	msgReturn    = `has a carriage return that ends no line: rows end with LF or CRLF`
	msgField     = `has more than %d bytes: shorten it, look for a quote too many, or raise Format.MaxField`
	msgRow       = `is where the row gets more than %d bytes: shorten it, look for a missing line end, or raise Format.MaxRow`
)

// where the scanner stands in a field.
type place uint8

const (
	atStart  place = iota // before its first byte
	inPlain               // in an unquoted one
	inQuotes              // between quotes
	atQuote               // after a quote that ends it, or is the first of two
	skipping              // in the rest of a line that is broken: its quotes mean nothing any more
)

// record returns the next record; io.EOF at the end. A file whose last row has no line end is whole.
func (s *scanner) record() (record, error) {
	s.buf, s.ends, s.broken, s.size, s.start, s.cut = s.buf[:0], s.ends[:0], nil, 0, 0, cut{}
	rec := record{line: s.line}
	at, begun := atStart, false
	for {
		c, err := s.in.ReadByte()
		if err != nil {
			if err != io.EOF {
				return record{}, unreadable(err)
			}
			if !begun {
				return record{}, io.EOF
			}
			rec.last = s.line
			if at == inQuotes {
				s.breach(msgOpen)
			}
			return s.finish(rec), nil
		}
		begun = true
		s.at++
		if at = s.step(at, c); at == ended {
			rec.last = s.line
			s.line++
			return s.finish(rec), nil
		}
		if s.header && (len(s.broken) > 0 || len(s.ends) > MaxColumns) {
			rec.last = s.line
			return s.finish(rec), nil
		}
	}
}

// ended is what step returns at the end of a record.
const ended place = 255

// step takes one byte.
func (s *scanner) step(at place, c byte) place {
	if at == inQuotes {
		return s.quoted(c)
	}
	switch {
	case c == '\n':
		return ended
	case at == skipping:
		return skipping
	case rune(c) == s.format.Delimiter:
		s.endField()
		return atStart
	case c == '\r':
		if next, err := s.in.Peek(1); err == nil && next[0] == '\n' || err == io.EOF {
			return at
		}
		return s.breach(msgReturn)
	case c == '"':
		switch at {
		case atStart:
			return inQuotes
		case atQuote:
			s.keep(c)
			return inQuotes
		case inPlain, inQuotes, skipping:
		}
		return s.breach(msgBareQuote)
	case at == atQuote:
		return s.breach(msgAfter)
	}
	s.keep(c)
	return inPlain
}

func (s *scanner) quoted(c byte) place {
	if c == '"' {
		return atQuote
	}
	if c == '\n' {
		s.line++
		if s.cut.at == 0 {
			s.cut = cut{s.at, len(s.ends)}
		}
	}
	s.keep(c)
	return inQuotes
}

// shorten ends a record that is none at the end of its first line, and goes back to the next one: of two rows with a
// quote too many, the rows between them are rows. It returns the record as it was when there is no way back.
//
// A line is read at most twice: lines with an odd number of quotes end what the one before them began.
func (s *scanner) shorten(rec record) (record, error) {
	if s.cut.at == 0 || s.src == nil {
		return rec, nil
	}
	if _, err := s.src.Seek(s.cut.at, io.SeekStart); err != nil {
		return rec, unreadable(err)
	}
	s.in.Reset(s.src)
	s.at, s.line = s.cut.at, rec.line+1
	rec.last, rec.broken = rec.line, []breach{{s.cut.column, msgCut}}
	return rec, nil
}

// keep adds a byte to the field, unless that or the row is too large already.
func (s *scanner) keep(c byte) {
	s.size++
	switch {
	case s.size > s.format.MaxRow:
		if s.size == s.format.MaxRow+1 {
			s.breach(fmt.Sprintf(msgRow, s.format.MaxRow))
		}
	case s.size-s.start > s.format.MaxField:
		if s.size-s.start == s.format.MaxField+1 {
			s.breach(fmt.Sprintf(msgField, s.format.MaxField))
		}
	default:
		s.buf = append(s.buf, c)
	}
}

// breach notes the first thing wrong with the present field.
func (s *scanner) breach(message string) place {
	column := len(s.ends)
	if n := len(s.broken); n == 0 || s.broken[n-1].column != column {
		s.broken = append(s.broken, breach{column, message})
	}
	return skipping
}

func (s *scanner) endField() {
	s.start = s.size
	if len(s.ends) <= MaxColumns { // a row of delimiters only must not grow without end
		s.ends = append(s.ends, len(s.buf))
	}
}

// finish cuts the fields out of one string.
func (s *scanner) finish(rec record) record {
	s.endField()
	text := string(s.buf)
	rec.fields = make([]string, len(s.ends))
	from := 0
	for i, end := range s.ends {
		rec.fields[i] = text[from:end]
		from = end
	}
	rec.broken = s.broken
	return rec
}
