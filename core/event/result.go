package event

import "time"

// Verdict is what became of a delivery of one event.
type Verdict uint8

// The verdicts. The zero value asks for another attempt, so that a forgotten verdict loses nothing.
const (
	Retry  Verdict = iota // try again, counting an attempt
	Done                  // the event had its effect
	Reject                // never try again: a dead letter at once
	Wait                  // the consumer cannot be reached: try again without counting an attempt
)

// Result is the verdict on one event.
type Result struct {
	Verdict Verdict       // what to do next; the zero value is [Retry]
	After   time.Duration // for Retry and Wait: the least pause, 0 for the usual one
	Code    string        // machine word for a failure, without personal data
}
