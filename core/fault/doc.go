// Package fault is the one error vocabulary of the CRM.
//
// Every operation returns nil or an error that holds a [*Error]. Its [Code] is stable, its Field names what to
// mend, its Clauses are the evidence of a refused rule:
//
//	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Conflict {
//		retryFrom(f.Current)
//	}
//	if errors.Is(err, fault.ErrGate) { ... }
//
// Programs act upon the code, never on the message. [AsProblem] gives words for end users.
//
// Start with [Error].
package fault
