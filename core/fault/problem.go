package fault

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Problem is an error as an end user may see it: the problem details of RFC 9457 with members of our own. It
// encodes as application/problem+json. It never holds personal data, a cause, or the name of an operation.
type Problem struct {
	Type       string      `json:"type"`                 // "urn:rapport:fault:" and the code
	Title      string      `json:"title"`                // what kind of problem, in the reader's language
	Status     int         `json:"status"`               // HTTP status
	Detail     string      `json:"detail"`               // what the reader can do, in the reader's language
	Instance   string      `json:"instance,omitempty"`   // for the host to fill, such as a request id
	Code       Code        `json:"code"`                 // stable
	Reason     string      `json:"reason,omitempty"`     // stable word refining the code
	Field      string      `json:"field,omitempty"`      // path of the field at fault
	Current    int64       `json:"current,omitempty"`    // for a conflict on a version: the version now stored
	Clauses    []Clause    `json:"clauses,omitempty"`    // evidence of a refused rule
	Violations []Violation `json:"violations,omitempty"` // every breach of an invalid input, in developers' words
}

// AsProblem turns an error into what an end user may see. lang is a language tag such as "zh" or "en-GB"; other
// languages than English and Chinese fall back to English. Where rules have their author's words, the detail is
// these words.
//
// Internal, retryable, unavailable and unknown outcomes show their code and general words only, whatever the error
// says, except that a part which is not installed is named as that. An ended context is unavailable. A nil err gives the zero Problem.
func AsProblem(err error, lang string) Problem {
	if err == nil {
		return Problem{}
	}
	f, ok := errors.AsType[*Error](err)
	if !ok {
		f = &Error{Code: Internal}
	}
	code := f.Code
	if code == Internal && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		code = Unavailable
	}
	w, known := wordsOf(lang)[code]
	if !known {
		code, w = Internal, wordsOf(lang)[Internal]
	}
	p := Problem{Type: "urn:rapport:fault:" + string(code), Title: w.title, Status: status(code), Detail: w.detail, Code: code}
	if code == Unavailable && f.Reason == reasonModule {
		w := absent(lang)
		p.Title, p.Detail, p.Reason = w.title, w.detail, f.Reason
	}
	if opaque(code) {
		return p
	}
	p.Reason, p.Field, p.Current, p.Clauses, p.Violations = f.Reason, f.Field, f.Current, f.Clauses, f.Violations
	if code == Invalid && len(f.Violations) == 0 && f.Message != "" {
		p.Violations = []Violation{{Field: f.Field, Message: f.Message}}
	}
	if said := authors(f.Clauses); said != "" {
		p.Detail = said
	}
	return p
}

// opaque reports whether what stands in an error of the code is for operators only.
func opaque(c Code) bool {
	return c == Internal || c == Retryable || c == Unavailable || c == CommitUnknown
}

// authors joins the words that authors gave to the rules which did not pass, each once.
func authors(clauses []Clause) string {
	var said []string
	seen := map[string]bool{"": true}
	for _, c := range clauses {
		if c.Outcome != "true" && !seen[c.Message] {
			seen[c.Message] = true
			said = append(said, c.Message)
		}
	}
	return strings.Join(said, " ")
}

func status(c Code) int {
	switch c {
	case NotFound:
		return http.StatusNotFound
	case Invalid, Gate:
		return http.StatusUnprocessableEntity
	case Conflict:
		return http.StatusConflict
	case Denied, NoConsent:
		return http.StatusForbidden
	case Retryable, Unavailable:
		return http.StatusServiceUnavailable
	case LimitExceeded:
		return http.StatusTooManyRequests
	case CommitUnknown, Internal:
	}
	return http.StatusInternalServerError
}
