package transfer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
)

// objects reads the lines of a file, each of which is a JSON object. Its members are columns.
type objects struct {
	in     *bufio.Reader
	format Format
	line   int // of the next byte
}

// member is one of an object.
type member struct {
	name string
	raw  json.RawMessage
}

const (
	msgNotObject = "want one JSON object on each line"
	msgLate      = "is in none of the first objects of the file: add it to the first one, with null where it has no value"
	msgNested    = "is an object: want text, a number, true, false, null or a list of these"
	msgList      = "is a list with an element that holds a bar or is a list or an object: want a list of texts, numbers, true and false"
	msgHalf      = "holds half a character: write a pair of \\u escapes, or UTF-8"
)

// openObjects finds the members that the objects at the beginning of the file have, in the order in which they come.
func openObjects(in *bufio.Reader, f Format) (*objects, []string, error) {
	head, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return nil, nil, unreadable(err)
	}
	var header []string
	for i, line := range bytes.Split(head, []byte("\n")) {
		list, _ := membersOf(line) // a broken one is a fault when its turn comes
		for _, m := range list {
			if !slices.Contains(header, m.name) {
				header = append(header, m.name)
			}
		}
		if len(header) > MaxColumns {
			return nil, nil, fault.Field("header", "line %d: the objects have more than %d members", i+1, MaxColumns)
		}
	}
	if begin := bytes.TrimLeft(head, "\r\n \t"); len(header) == 0 && err == nil && bytes.HasPrefix(begin, []byte("{")) && !bytes.Contains(begin, []byte("\n")) {
		return nil, nil, fault.Field("header", "line %d is too long: want one JSON object on each line, the first within %d bytes",
			1+bytes.Count(head[:len(head)-len(begin)], []byte("\n")), in.Size())
	}
	if len(header) == 0 {
		return nil, nil, fault.Field("header", "the file begins with no JSON object that has a member: %s", msgNotObject)
	}
	return &objects{in: in, format: f, line: 1}, header, nil
}

// row returns the next row, and how many blank lines stood before it; io.EOF at the end.
func (o *objects) row(header []string) (row *Row, blank int, err error) {
	for {
		text, err := o.text()
		if err != nil {
			return nil, blank, err
		}
		o.line++
		if notBlank(string(text)) {
			row = &Row{Line: o.line - 1, header: header, values: make([]string, len(header))}
			row.fill(text, o.format)
			return row, blank, nil
		}
		blank++
	}
}

// text returns the next line without its end. Of one that is too large it returns more than a row may hold.
func (o *objects) text() ([]byte, error) {
	var out []byte
	for {
		part, err := o.in.ReadSlice('\n')
		if len(out) <= o.format.MaxRow {
			out = append(out, part...)
		}
		switch {
		case err == nil, errors.Is(err, io.EOF) && len(out) > 0:
			return bytes.TrimRight(out, "\r\n"), nil
		case errors.Is(err, io.EOF):
			return nil, io.EOF
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, unreadable(err)
		}
	}
}

// fill takes the values of a line, or notes what is wrong with it.
func (r *Row) fill(text []byte, f Format) {
	add := func(field, format string, args ...any) {
		r.faults = append(r.faults, fault.Violation{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if len(text) > f.MaxRow {
		add("", "has more than %d bytes: want one JSON object on each line, or raise Format.MaxRow", f.MaxRow)
		return
	}
	list, wrong := membersOf(text)
	if wrong != "" {
		add("", "%s", wrong)
		return
	}
	seen := make([]bool, len(r.header))
	for _, m := range list {
		i := slices.Index(r.header, m.name)
		switch {
		case i < 0:
			add(m.name, msgLate)
			continue
		case seen[i]:
			add(m.name, "is there twice")
			continue
		}
		seen[i] = true
		if r.values[i], wrong = textOf(m.raw); wrong == "" && len(r.values[i]) > f.MaxField {
			wrong = fmt.Sprintf(msgField, f.MaxField)
		}
		if wrong != "" {
			add(m.name, "%s", wrong)
		}
	}
}

// membersOf returns the members of an object, or what is wrong with the line. It never repeats what stands in it.
func membersOf(line []byte) (list []member, wrong string) {
	dec := json.NewDecoder(bytes.NewReader(line))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, msgNotObject
	}
	for dec.More() {
		var m member
		name, err := dec.Token()
		if err == nil {
			err = dec.Decode(&m.raw)
		}
		if err != nil {
			return nil, fmt.Sprintf("is not JSON from byte %d on: %s", dec.InputOffset()+1, msgNotObject)
		}
		m.name, _ = name.(string)
		if m.name = strings.TrimSpace(m.name); m.name == "" || badText(m.name) != "" || strings.ContainsRune(m.name, utf8.RuneError) {
			return nil, "has a member whose name is blank or not valid UTF-8"
		}
		list = append(list, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Sprintf("is not JSON from byte %d on: %s", dec.InputOffset()+1, msgNotObject)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, "goes on after its object: " + msgNotObject
	}
	return list, ""
}

// textOf returns a value as a column of a CSV file would hold it, or what is wrong with it.
func textOf(raw json.RawMessage) (text, wrong string) {
	switch raw[0] {
	case 'n': // null
		return "", ""
	case '{':
		return "", msgNested
	case '[':
		return listOf(raw)
	case '"':
	default:
		return string(raw), ""
	}
	if m := badText(string(raw)); m != "" {
		return "", m
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", "is not JSON"
	}
	if strings.Count(text, "\ufffd") > strings.Count(strings.ToLower(string(raw)), `\ufffd`)+strings.Count(string(raw), "\ufffd") {
		return "", msgHalf
	}
	return text, badText(text)
}

// listOf returns the elements of a list with bars between them, as fields with several values take them.
func listOf(raw json.RawMessage) (text, wrong string) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", "is not JSON"
	}
	out := make([]string, len(list))
	for i, x := range list {
		if out[i], wrong = textOf(x); wrong != "" && wrong != msgNested {
			return "", wrong
		}
		if wrong != "" || x[0] == '[' || strings.Contains(out[i], "|") {
			return "", msgList
		}
	}
	return strings.Join(out, "|"), ""
}
