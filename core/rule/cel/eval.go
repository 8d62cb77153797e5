package cel

import (
	"slices"

	"github.com/google/cel-go/common/types"

	"github.com/rapport-crm/rapport/core/rule"
)

// bound is a program with the source its author gave.
type bound struct {
	*program
	src rule.Source
}

var _ rule.Program = (*bound)(nil)

// Fields implements [rule.Program].
func (p *program) Fields() []string { return slices.Clone(p.fields) }

// Args implements [rule.Program].
func (p *program) Args() []string { return slices.Clone(p.args) }

// Eval implements [rule.Program].
func (p *program) Eval(rec rule.Record, in rule.Input) rule.Outcome {
	out, _ := p.eval(newInputs(p.scope, rec, in))
	return out
}

// eval also returns why there is no answer.
func (p *program) eval(in *inputs) (rule.Outcome, error) {
	v, _, err := p.run.Eval(in)
	if err != nil {
		return rule.Unknown, err
	}
	switch v {
	case types.True:
		return rule.Yes, nil
	case types.False:
		return rule.No, nil
	}
	return rule.Unknown, nil
}
