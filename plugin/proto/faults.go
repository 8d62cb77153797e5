package proto

import (
	"context"
	"errors"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/rapport-crm/rapport/core/fault"
)

// Limits of a fault on the wire. What is longer is cut, what is more is left out.
const (
	maxFaultText = 1000
	maxFaultList = 50
)

// codesOnWire are the codes a fault keeps when it crosses; any other becomes Internal.
var codesOnWire = []fault.Code{
	fault.NotFound, fault.Invalid, fault.Conflict, fault.Denied, fault.NoConsent, fault.Gate, fault.Retryable,
	fault.CommitUnknown, fault.Unavailable, fault.LimitExceeded, fault.Internal,
}

// FromFault encodes an error; nil is nil. What is not a [*fault.Error], and the causes of Internal ones, stay behind:
// the other side learns that something failed, not what.
func FromFault(err error) *Fault {
	if err == nil {
		return nil
	}
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Fault{Code: string(fault.Unavailable), Reason: "deadline", Message: "the time for the call has run out"}
	case !ok:
		return &Fault{Code: string(fault.Internal), Message: "unclassified error"}
	}
	out := &Fault{
		Code: string(f.Code), Op: cut(f.Op), Field: cut(f.Field), Message: cut(f.Message), Reason: cut(f.Reason), Current: f.Current,
	}
	if f.Code == fault.Internal {
		out.Message = "internal error"
	}
	for _, c := range head(f.Clauses) {
		out.Clauses = append(out.Clauses, &Clause{
			Rule: cut(c.Rule), Field: cut(c.Field), Value: cut(c.Value), Need: cut(c.Need), Outcome: cut(c.Outcome), Message: cut(c.Message),
		})
	}
	for _, x := range head(f.Violations) {
		out.Violations = append(out.Violations, &Violation{Field: cut(x.Field), Message: cut(x.Message)})
	}
	return out
}

// ToFault decodes a fault; nil is nil. The result is always a [*fault.Error] of a known code, whatever the other side
// has sent.
func ToFault(f *Fault) error {
	if f == nil {
		return nil
	}
	out := &fault.Error{
		Code: fault.Code(f.GetCode()), Op: cut(f.GetOp()), Field: cut(f.GetField()), Message: cut(f.GetMessage()),
		Reason: cut(f.GetReason()), Current: f.GetCurrent(),
	}
	if !slices.Contains(codesOnWire, out.Code) {
		out.Code = fault.Internal
	}
	for _, c := range head(f.GetClauses()) {
		out.Clauses = append(out.Clauses, fault.Clause{
			Rule: cut(c.GetRule()), Field: cut(c.GetField()), Value: cut(c.GetValue()), Need: cut(c.GetNeed()),
			Outcome: cut(c.GetOutcome()), Message: cut(c.GetMessage()),
		})
	}
	for _, x := range head(f.GetViolations()) {
		out.Violations = append(out.Violations, fault.Violation{Field: cut(x.GetField()), Message: cut(x.GetMessage())})
	}
	return out
}

// Lost turns an error of the transport into a fault: LimitExceeded for a message over the limit, Unavailable with
// reason "deadline" or "plugin_lost" for the rest. It returns nil for nil.
func Lost(err error) error {
	if err == nil {
		return nil
	}
	f := fault.New(fault.Unavailable, "the connection to the plugin was lost: repeat under the same idempotency key")
	f.Reason = "plugin_lost"
	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Canceled:
		f = fault.New(fault.Unavailable, "no answer in time")
		f.Reason = "deadline"
	case codes.ResourceExhausted:
		f = fault.New(fault.LimitExceeded, "a message is over the limit of the boundary")
		f.Reason = "message_size"
	case codes.Internal, codes.Unknown, codes.Unimplemented:
		f = fault.New(fault.Internal, "the other side failed")
		f.Reason = "transport"
	default:
	}
	return f
}

func head[T any](list []T) []T { return list[:min(len(list), maxFaultList)] }

func cut(s string) string {
	if len(s) > maxFaultText {
		s = s[:maxFaultText]
	}
	return strings.ToValidUTF8(s, "")
}
