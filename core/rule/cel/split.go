package cel

import "strings"

// span is a part of a source text.
type span struct {
	text string
	from int
}

// split cuts a rule at the && that join its top level. A rule with || or ?: at its top level is one part, because they
// bind less.
func split(expr string) []span {
	whole := []span{trim(expr, 0, len(expr))}
	var out []span
	depth, start := 0, 0
	for i := 0; i < len(expr); {
		switch b := expr[i]; {
		case b == '"' || b == '\'':
			i = skipText(expr, i)
			continue
		case strings.HasPrefix(expr[i:], "//"):
			if n := strings.IndexByte(expr[i:], '\n'); n >= 0 {
				i += n
				continue
			}
			i = len(expr)
			continue
		case b == '(' || b == '[' || b == '{':
			depth++
		case b == ')' || b == ']' || b == '}':
			depth--
		case depth == 0 && (b == '?' || strings.HasPrefix(expr[i:], "||")):
			return whole
		case depth == 0 && strings.HasPrefix(expr[i:], "&&"):
			out = append(out, trim(expr, start, i))
			i++
			start = i + 1
		}
		i++
	}
	if len(out) == 0 {
		return whole
	}
	return append(out, trim(expr, start, len(expr)))
}

// trim cuts white space around a part.
func trim(expr string, from, to int) span {
	s := expr[from:to]
	cut := strings.TrimLeft(s, " \t\r\n\f")
	return span{strings.TrimRight(cut, " \t\r\n\f"), from + len(s) - len(cut)}
}

// skipText returns the place after the text literal that begins at i.
func skipText(expr string, i int) int {
	raw := i > 0 && (expr[i-1] == 'r' || expr[i-1] == 'R') || i > 1 && (expr[i-2] == 'r' || expr[i-2] == 'R') && (expr[i-1] == 'b' || expr[i-1] == 'B')
	end := expr[i : i+1]
	if triple := strings.Repeat(end, 3); strings.HasPrefix(expr[i:], triple) {
		end = triple
	}
	for i += len(end); i < len(expr); i++ {
		switch {
		case expr[i] == '\\' && !raw:
			i++
		case strings.HasPrefix(expr[i:], end):
			return i + len(end)
		}
	}
	return len(expr)
}
