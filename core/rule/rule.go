package rule

import (
	"time"

	"github.com/rapport-crm/rapport/core/personal"
)

// Field is what a rule may know of one field of an entity.
type Field struct {
	Name   string         // as rules spell it: "amount", "custom.tier"
	Type   Type           // its type; every field may be blank
	Enum   []string       // for text: the allowed values; literals are checked against them. nil when open
	MaxLen int            // for text and texts: greatest length, 0 when unknown
	Class  personal.Class // class of personal data; explanations show personal values as their class
}

// Env is what a rule may name: the fields of one entity and the arguments of one use. Values of fields come from a
// [Record] by position in Fields. An Env must not change once it was given to a compiler.
type Env struct {
	Entity string          // registry name, for messages
	Fields []Field         // bare names in rules
	Args   map[string]Type // bound arguments by name; `now` (time) and `today` (date) are always there
	Print  string          // fingerprint of fields and arguments; equal fingerprints share compiled programs
}

// Record gives the values of one record. Slot i is Env.Fields[i].
type Record interface {
	// Value must return the value of a slot, blank for an empty field or a slot that does not exist.
	Value(slot int) Value
}

// Source is a rule as its author wrote it.
type Source struct {
	ID      string // names the rule in explanations: "proposal-needs-amount"
	Expr    string // CEL, at most 4,096 bytes
	Message string // the author's words for a refusal, "" for none
}

// Input is what an evaluation gets besides the record. Now enters once per decision.
type Input struct {
	Now  time.Time        // the instant of the decision
	Zone *time.Location   // zone of today; nil means UTC
	Args map[string]Value // one for each of Env.Args
}

// Outcome is the result of a boolean rule.
type Outcome uint8

// The outcomes. The zero value is Unknown, so a forgotten outcome never passes.
const (
	Unknown Outcome = iota // a blank field or an error keeps the rule from an answer
	No
	Yes
)

// String returns "true", "false" or "unknown".
func (o Outcome) String() string {
	switch o {
	case Yes:
		return "true"
	case No:
		return "false"
	case Unknown:
	}
	return "unknown"
}

// Trace explains one evaluation: the top-level clauses of the rule, each with its evidence.
type Trace struct {
	Source  Source   // the rule that was evaluated
	Outcome Outcome  // of the whole rule
	Clauses []Clause // the parts joined by && at top level, in source order; one when there is no &&
}

// Clause is one part of a rule with the evidence of its outcome.
type Clause struct {
	Text    string   // source text of the part
	From    int      // offset of the part in the source, in bytes
	Outcome Outcome  // of this part alone
	Field   string   // the field it reads, "" when none or several
	Fields  []string // every field it reads, sorted
	Value   string   // the value seen, personal ones as their class, "" when blank; of several fields with their names
	Need    string   // what would pass, as [Predicate.Need] says it: `>= 10000.00 EUR`, `one of "a", "b"`, `a value`
	Reason  string   // for Unknown: "blank", "currency", "budget" or the error
}

// Issue is one finding of a check.
type Issue struct {
	From, To int    // byte range in the source
	Field    string // the name at fault, "" when none
	Message  string // what is wrong and how to mend it
	Fix      string // replacement text for the range, "" when there is none
}

// Compiler checks and compiles rules. Implementations must be safe for concurrent use and must share programs of
// equal source and equal [Env.Print].
type Compiler interface {
	// Check must return every finding, in source order; none means the rule compiles to a boolean.
	Check(env *Env, src Source) []Issue
	// Compile must return a Program, or a fault of code Invalid whose violations are the findings.
	Compile(env *Env, src Source) (Program, error)
}

// Program is a compiled boolean rule. Implementations must be immutable and safe for concurrent use.
type Program interface {
	// Eval must never panic and must answer Unknown for whatever keeps it from yes or no.
	Eval(rec Record, in Input) Outcome
	// Explain is the slow path: it must agree with Eval and show the evidence of each clause.
	Explain(rec Record, in Input) *Trace
	// Predicate turns the rule into a predicate with the arguments bound, or returns a fault of code Invalid that
	// names the part which no database can evaluate.
	Predicate(in Input) (Predicate, error)
	// Fields must list the names of the fields the rule reads, sorted.
	Fields() []string
	// Args must list the names of the arguments the rule reads, sorted.
	Args() []string
}
