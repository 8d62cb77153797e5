package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/rapport-crm/rapport/core/personal"
)

// encode writes a record as JSON: classes only, or in clear.
func encode(rec any, reveal bool) ([]byte, error) {
	if reveal {
		rec = personal.Revealed(rec)
	}
	return json.Marshal(rec)
}

func (c *call) printRecord(rec any, reveal bool) error {
	b, err := encode(rec, reveal)
	if err != nil {
		return err
	}
	if c.json {
		_, err = fmt.Fprintf(c.stdout, "%s\n", b)
		return err
	}
	root, err := parse(b)
	if err != nil {
		return err
	}
	root.write(c.stdout, "")
	return nil
}

func (c *call) printPage(p any, columns []string, reveal bool) error {
	b, err := encode(p, reveal)
	if err != nil {
		return err
	}
	if c.json {
		_, err = fmt.Fprintf(c.stdout, "%s\n", b)
		return err
	}
	root, err := parse(b)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, strings.Join(columns, "\t"))
	items := root.member("items").list
	for _, item := range items {
		cells := make([]string, len(columns))
		for i, name := range columns {
			cells[i] = item.member(name).inline()
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if next := root.member("next").text; next != "" {
		fmt.Fprintf(c.stdout, "\nmore: --cursor %s\n", next)
	} else {
		fmt.Fprintf(c.stdout, "\n%d on this page, which is the last\n", len(items))
	}
	return nil
}

// node is a JSON value that remembers the order of its members.
type node struct {
	text   string // of a scalar; "" for none
	masked bool   // null: something the reader may not see
	keys   []string
	list   []node // elements, or the values of keys
	array  bool
}

func parse(b []byte) (node, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	return next(dec)
}

func next(dec *json.Decoder) (n node, err error) {
	tok, err := dec.Token()
	if err != nil {
		return n, err
	}
	switch v := tok.(type) {
	case nil:
		n.masked = true
	case json.Delim:
		return collection(dec, v == '[')
	default:
		n.text = clean(fmt.Sprint(v))
	}
	return n, nil
}

func collection(dec *json.Decoder, array bool) (n node, err error) {
	n.array = array
	for dec.More() {
		if !array {
			key, err := dec.Token()
			if err != nil {
				return n, err
			}
			n.keys = append(n.keys, fmt.Sprint(key))
		}
		v, err := next(dec)
		if err != nil {
			return n, err
		}
		n.list = append(n.list, v)
	}
	_, err = dec.Token()
	return n, err
}

// clean makes text that cannot play with the terminal: whatever is not printable is quoted.
func clean(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) >= 0 {
		return strconv.Quote(s)
	}
	return s
}

func (n node) member(key string) node {
	for i, k := range n.keys {
		if k == key {
			return n.list[i]
		}
	}
	return node{}
}

// inline is the value on one line.
func (n node) inline() string {
	if amount, ok := n.amount(); ok {
		return amount
	}
	var parts []string
	for i, v := range n.list {
		if n.array {
			parts = append(parts, v.inline())
		} else {
			parts = append(parts, n.keys[i]+" "+v.inline())
		}
	}
	switch {
	case n.masked:
		return "(hidden)"
	case n.list == nil:
		return n.text
	}
	return strings.Join(parts, ", ")
}

// write prints the members below each other.
func (n node) write(w io.Writer, indent string) {
	width := 0
	for _, k := range n.keys {
		width = max(width, len(k))
	}
	for i, k := range n.keys {
		v := n.list[i]
		if v.scalar() {
			fmt.Fprintf(w, "%s%-*s  %s\n", indent, width, k, v.inline())
			continue
		}
		fmt.Fprintf(w, "%s%s\n", indent, k)
		if !v.array {
			v.write(w, indent+"  ")
			continue
		}
		for _, item := range v.list {
			fmt.Fprintf(w, "%s  - %s\n", indent, item.inline())
		}
	}
}

// scalar reports whether the value fits behind its name.
func (n node) scalar() bool {
	if _, ok := n.amount(); ok {
		return true
	}
	if !n.array {
		return len(n.keys) == 0
	}
	for _, v := range n.list {
		if len(v.keys) > 0 || v.array {
			return false
		}
	}
	return true
}
