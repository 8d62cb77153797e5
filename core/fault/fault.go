package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code classifies an error. Codes are stable across versions.
type Code string

// The codes.
const (
	NotFound      Code = "not_found"      // no such record, or none this principal may see
	Invalid       Code = "invalid"        // the input breaks a rule of shape; Field and Violations say which
	Conflict      Code = "conflict"       // somebody was faster, or the value is taken; Current holds the present version
	Denied        Code = "denied"         // the principal lacks the right for the action or field
	NoConsent     Code = "no_consent"     // the subject's consent or another legal basis is missing
	Gate          Code = "gate"           // a rule refuses the move; Clauses say why and what would pass
	Retryable     Code = "retryable"      // the database asked to try the whole transaction again
	CommitUnknown Code = "commit_unknown" // the connection was lost during commit; repeat under the same idempotency key
	Unavailable   Code = "unavailable"    // a database, key service or plugin does not answer
	LimitExceeded Code = "limit_exceeded" // a size, depth, rate or cost bound was met
	Internal      Code = "internal"       // a defect or an unclassified failure of something beneath
)

// One sentinel per code, for errors.Is.
var (
	ErrNotFound      = &Error{Code: NotFound}
	ErrInvalid       = &Error{Code: Invalid}
	ErrConflict      = &Error{Code: Conflict}
	ErrDenied        = &Error{Code: Denied}
	ErrNoConsent     = &Error{Code: NoConsent}
	ErrGate          = &Error{Code: Gate}
	ErrRetryable     = &Error{Code: Retryable}
	ErrCommitUnknown = &Error{Code: CommitUnknown}
	ErrUnavailable   = &Error{Code: Unavailable}
	ErrLimitExceeded = &Error{Code: LimitExceeded}
	ErrInternal      = &Error{Code: Internal}
)

// Error is the one error type of the CRM. Messages never hold personal data.
type Error struct {
	Code       Code        // what kind of failure; never empty
	Op         string      // the operation, such as "customer: create"; "" when not yet known
	Field      string      // path of the field at fault, such as "points[1].value"; "" when none
	Message    string      // one sentence for developers, lower case, with the fix
	Clauses    []Clause    // evidence of a refused rule, in source order
	Violations []Violation // every breach found up to [MaxViolations], when there are several; the first one is also Field and Message
	Current    int64       // for Conflict on a version: the version now stored; else 0
	Reason     string      // stable machine word refining the code, such as "suppressed"; "" when the code says it all
	cause      error
}

// Clause is one part of a rule with the evidence of its outcome.
type Clause struct {
	ID      string `json:"id,omitempty"`      // the rule the clause is part of, such as the id of a gate; "" when it has none
	Rule    string `json:"rule"`              // the clause's source text
	Field   string `json:"field"`             // field it reads, "" when it reads none or several
	Value   string `json:"value"`             // the value seen, formatted; personal values as their class; "" when blank; several with their fields' names
	Need    string `json:"need"`              // what would pass, such as ">= 10000.00 EUR"; "" when no comparison says it
	Outcome string `json:"outcome"`           // "true", "false" or "unknown"
	Message string `json:"message,omitempty"` // the author's own words, when the rule has them
}

// Violation is one breach of shape.
type Violation struct {
	Field   string `json:"field"`   // path of the field
	Message string `json:"message"` // what is wrong and how to mend it
}

// New returns an Error of a code with a formatted message. A %w verb sets the cause.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Field returns an Invalid error for one field.
func Field(field, format string, args ...any) *Error {
	e := New(Invalid, format, args...)
	e.Field, e.Message = clip(field, maxField), clip(e.Message, maxMessage)
	return e
}

// Wrap gives a foreign error a code and a message and keeps it as the cause. It returns nil for a nil cause.
func Wrap(code Code, cause error, format string, args ...any) error {
	if cause == nil {
		return nil
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), cause: cause}
}

// At adds the operation's name to err, once: the innermost operation wins. Errors that are not an [*Error]
// become Internal, those of a context Unavailable with reason "canceled" or "deadline"; errors.Is still finds what
// they are. At returns nil for nil.
func At(op string, err error) error {
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*Error](err)
	switch {
	case !ok && errors.Is(err, context.Canceled):
		return &Error{Code: Unavailable, Op: op, Reason: "canceled", Message: "the context was cancelled", cause: err}
	case !ok && errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: Unavailable, Op: op, Reason: "deadline", Message: "the context's time is over", cause: err}
	case !ok:
		return &Error{Code: Internal, Op: op, Message: "unclassified error", cause: err}
	}
	if f.Op != "" {
		return err
	}
	c := *f
	c.Op = op
	return &c
}

// CodeOf returns the code of err, Internal for an error that holds no [*Error], and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Code
	}
	return Internal
}

// Error formats operation, field, message and cause, lower case, without personal data.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(strings.ReplaceAll(string(e.Code), "_", " "))
	if e.Field != "" {
		b.WriteString(": " + e.Field)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if n := len(e.Violations); n > 1 {
		fmt.Fprintf(&b, " (and %d more)", n-1)
	}
	if e.cause != nil && !strings.Contains(e.Message, e.cause.Error()) {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a sentinel or an Error of the same code; a target with a Reason also compares that.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok {
		return false
	}
	return t.Code == e.Code && (t.Reason == "" || t.Reason == e.Reason)
}
