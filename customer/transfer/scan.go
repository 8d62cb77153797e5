package transfer

import (
	"bufio"
	"io"
)

// scanner splits a file into records. It is ours because encoding/csv has no limits, drops carriage returns from
// quoted text, and gives up the rest of a line, or of the file, without saying how much that was.
type scanner struct {
	in     *bufio.Reader
	format Format
	line   int // of the next byte

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

type breach struct {
	column  int
	message string
}

const (
	msgBareQuote = `has a quote in the middle: put the whole field between quotes, and write the quote twice`
	msgAfter     = `goes on after its closing quote: write a quote inside a quoted field twice`
	msgOpen      = `has a quote that is never closed`
	msgReturn    = `has a carriage return that ends no line: rows end with LF or CRLF`
	msgField     = `is larger than a field may be`
	msgRow       = `is where the row becomes larger than a row may be`
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
	s.buf, s.ends, s.broken, s.size, s.start = s.buf[:0], s.ends[:0], nil, 0, 0
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
		if at = s.step(at, c); at == ended {
			rec.last = s.line
			s.line++
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
	}
	s.keep(c)
	return inQuotes
}

// keep adds a byte to the field, unless that or the row is too large already.
func (s *scanner) keep(c byte) {
	s.size++
	switch {
	case s.size > s.format.MaxRow:
		if s.size == s.format.MaxRow+1 {
			s.breach(msgRow)
		}
	case s.size-s.start > s.format.MaxField:
		s.breach(msgField)
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
