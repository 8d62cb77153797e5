package cel

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// unreadable refuses texts no parser should see.
func unreadable(expr string) (rule.Issue, bool) {
	i := rule.Issue{To: len(expr)}
	switch {
	case strings.TrimSpace(expr) == "":
		i.Message = "the rule is empty"
	case len(expr) > maxExpr:
		i.Message = fmt.Sprintf("the rule has %d bytes: want at most %d", len(expr), maxExpr)
	case !utf8.ValidString(expr) || strings.IndexByte(expr, 0) >= 0:
		i.Message = "the rule must be valid UTF-8 without NUL bytes"
	}
	return i, i.Message != ""
}

// issues puts the findings of the engine beneath into our words, in source order.
func (s *scope) issues(expr string, iss *celgo.Issues) []rule.Issue {
	var out []rule.Issue
	for _, e := range iss.Errors() {
		from := callee(expr, offset(expr, e.Location.Line(), e.Location.Column()))
		i := s.word(expr, from, e.Message)
		i.From, i.To = from, max(i.To, wordEnd(expr, from))
		out = append(out, i)
	}
	if len(out) == 0 {
		out = []rule.Issue{{To: len(expr), Message: "the rule cannot be read"}}
	}
	slices.SortStableFunc(out, byPlace)
	return slices.CompactFunc(out, func(a, b rule.Issue) bool { return a.From == b.From })
}

func (s *scope) word(expr string, from int, message string) rule.Issue {
	switch {
	case strings.HasPrefix(message, "undeclared reference"):
		return s.undeclared(expr, from)
	case strings.HasPrefix(message, "found no matching overload"):
		return rule.Issue{Message: noOverload(message)}
	case strings.HasPrefix(message, "unexpected failed resolution"), strings.Contains(message, "does not support field selection"):
		return rule.Issue{Message: "the value has no fields of its own"}
	case strings.HasPrefix(message, "Syntax error"):
		return rule.Issue{Message: syntax(expr, from, message)}
	}
	return rule.Issue{Message: tidyTypes(message)}
}

// undeclared words the fault of a name that is neither a field nor an argument nor a function.
func (s *scope) undeclared(expr string, from int) rule.Issue {
	end := wordEnd(expr, from)
	name := expr[from:end]
	if rest := strings.TrimLeft(expr[end:], " \t\n"); strings.HasPrefix(rest, "(") {
		if i := strings.LastIndexByte(name, '.'); i >= 0 {
			name = name[i+1:]
		}
		return rule.Issue{To: end, Message: fmt.Sprintf("there is no function %s", fault.Quote(name))}
	}
	i := rule.Issue{To: end, Field: name, Message: fmt.Sprintf("there is no field or argument %s", fault.Quote(name))}
	if near := rule.Nearest(name, s.names()); near != "" {
		i.Message, i.Fix = fmt.Sprintf("there is no field or argument %s: did you mean %s?", fault.Quote(name), fault.Quote(near)), near
	}
	return i
}

// noOverload words "found no matching overload for '_>_' applied to '(A, B)'".
func noOverload(message string) string {
	_, rest, _ := strings.Cut(message, "'")
	op, rest, _ := strings.Cut(rest, "'")
	_, rest, _ = strings.Cut(rest, "'")
	on, _, _ := strings.Cut(rest, "'")
	on = tidyTypes(strings.ReplaceAll(on, ".(", ", "))
	a, b, two := strings.Cut(strings.Trim(on, "()"), ", ")
	op = strings.Trim(strings.ReplaceAll(op, "@", ""), "_")
	if !two || b == "" { // the latter when it is called as a method
		return fmt.Sprintf("%s does not take %s", op, a)
	}
	var hint string
	switch {
	case a == "money" || b == "money":
		hint = `: write money("10000.00 EUR")`
	case a == "date" || b == "date":
		hint = `: write date("2026-03-29"), or days(90) to add and subtract`
	case a == "time" || b == "time":
		hint = `: write timestamp("2026-03-29T10:00:00Z"), now - days(90) or duration("36h")`
	case a == "id" || b == "id":
		hint = `: write id("0190e6a2-7b1c-7def-8a34-0123456789ab")`
	case a == "float" && b == "int" || a == "int" && b == "float":
		hint = ": write whole numbers for int and 50.0 for float"
	case a == "null" || b == "null":
		hint = ": a list is empty rather than blank, test its size"
	}
	return fmt.Sprintf("%s does not take %s and %s%s", op, a, b, hint)
}

// tidyTypes replaces the names of types by ours.
func tidyTypes(s string) string {
	return strings.NewReplacer("null_type", "null", "wrapper(int)", "int", "wrapper(string)", "text", "wrapper(bool)", "bool", "wrapper(double)", "float",
		"google.protobuf.Int64Value", "int", "google.protobuf.StringValue", "text", "google.protobuf.BoolValue", "bool",
		"google.protobuf.DoubleValue", "float", "google.protobuf.Timestamp", "time", "google.protobuf.Duration", "duration",
		"timestamp", "time", "double", "float", "string", "text", "rule.", "", "list(string)", "texts").Replace(s)
}

func typeWord(t *celgo.Type) string { return tidyTypes(t.String()) }

func syntax(expr string, from int, message string) string {
	if from < len(expr) && expr[from] == '=' {
		return "a single = is not an operator: compare with =="
	}
	m := strings.TrimPrefix(message, "Syntax error: ")
	if i := strings.Index(m, " expecting"); i >= 0 {
		m = m[:i]
	}
	return "cannot be read here: " + m
}

// offset turns line and column, counted in characters, into bytes.
func offset(expr string, line, column int) int {
	pos := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(expr[pos:], '\n')
		if i < 0 {
			return len(expr)
		}
		pos += i + 1
	}
	for ; column > 0 && pos < len(expr); column-- {
		_, n := utf8.DecodeRuneInString(expr[pos:])
		pos += n
	}
	return pos
}

// callee goes back from the parenthesis of a call, which is where calls are said to be, to the function's name.
func callee(expr string, from int) int {
	start := from
	if from < len(expr) && expr[from] == '(' {
		for start > 0 && (isWord(expr[start-1]) || expr[start-1] == '.') {
			start--
		}
	}
	return start
}

// wordEnd is the end of the dotted name, quoted text or single character at from.
func wordEnd(expr string, from int) int {
	end := from
	for end < len(expr) && (isWord(expr[end]) || expr[end] == '.') {
		end++
	}
	switch {
	case end > from:
		return end
	case from >= len(expr):
		return len(expr)
	case expr[from] == '"' || expr[from] == '\'':
		if i := strings.IndexByte(expr[from+1:], expr[from]); i >= 0 {
			return from + i + 2
		}
	}
	_, n := utf8.DecodeRuneInString(expr[from:])
	return from + n
}

func isWord(b byte) bool {
	return b == '_' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
}

// place returns where a node stands in the source.
func (s *scope) place(expr string, info *ast.SourceInfo, id int64) (from, to int) {
	loc := info.GetStartLocation(id)
	if loc.Line() < 1 {
		return 0, len(expr)
	}
	from = callee(expr, offset(expr, loc.Line(), loc.Column()))
	return from, wordEnd(expr, from)
}
