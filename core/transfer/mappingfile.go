package transfer

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
)

// members are the names of a mapping file.
var members = []string{"entity", "kind", "system", "customers", "columns", "by_header", "constants", "values", "ignore", "date", "currency",
	"delimiter", "without_ids", "history"}

// maxMapping bounds the size of a mapping file.
const maxMapping = 1 << 20

// ParseMapping reads a mapping file. What it says is judged when it is used, against the fields of the entity.
//
// Errors: Invalid for what is not JSON, for a member that is unknown, doubled or of another type.
func ParseMapping(data []byte) (Mapping, error) {
	const op = "transfer: mapping"
	var m Mapping
	if len(data) > maxMapping {
		return m, fault.At(op, fault.New(fault.Invalid, "the mapping has %d bytes, more than %d", len(data), maxMapping))
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	err := json.Unmarshal(data, &m)
	wrong, isType := errors.AsType[*json.UnmarshalTypeError](err)
	if err != nil && !isType {
		return Mapping{}, fault.At(op, notJSON(data, err))
	}
	if err := checkMembers(data); err != nil {
		return Mapping{}, fault.At(op, err)
	}
	if isType {
		return Mapping{}, fault.At(op, fault.Field(wrong.Field, "want %s, have %s", jsonWord(wrong.Type.Kind().String()), wrong.Value))
	}
	return m, nil
}

func jsonWord(kind string) string {
	switch kind {
	case "map":
		return "an object of text"
	case "slice":
		return "a list of text"
	case "bool":
		return "true or false"
	case "struct":
		return "an object"
	}
	return "text"
}

// notJSON says where a mapping stops being JSON.
func notJSON(data []byte, err error) error {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		line := 1 + bytes.Count(data[:min(int(s.Offset), len(data))], []byte("\n"))
		return fault.New(fault.Invalid, "the mapping is not JSON: line %d: %v", line, s)
	}
	return fault.New(fault.Invalid, "the mapping is not JSON: %v", err)
}

// checkMembers refuses unknown and doubled names, which encoding/json passes over. data is valid JSON.
func checkMembers(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	var v fault.Violations
	var open []level
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return v.Err()
		}
		if err != nil {
			return notJSON(data, err)
		}
		if tok == json.Delim('{') || tok == json.Delim('[') {
			open = append(open, level{object: tok == json.Delim('{'), seen: map[string]bool{}})
			continue
		}
		if tok == json.Delim('}') || tok == json.Delim(']') {
			open = open[:len(open)-1]
		} else if n := len(open); n > 0 && open[n-1].object && open[n-1].name == "" {
			open[n-1].member(&v, open, tok)
			continue
		}
		if n := len(open); n > 0 {
			open[n-1].name = "" // its value has ended
		}
	}
}

// level is an object or list that is being read.
type level struct {
	object bool
	name   string // the member whose value comes next, with a sign before it; "" before a name
	seen   map[string]bool
}

func (l *level) member(v *fault.Violations, open []level, tok json.Token) {
	key, _ := tok.(string)
	l.name = "." + key
	var path strings.Builder
	for _, o := range open {
		path.WriteString(o.name)
	}
	at := strings.TrimPrefix(path.String(), ".")
	if l.seen[key] {
		v.Add(at, "is there twice")
	}
	l.seen[key] = true
	if len(open) == 1 && !slices.Contains(members, key) {
		v.Add(at, "is no member of a mapping%s", didYouMean(key, members))
	}
}
