package pipeline

import (
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
)

// lawful is the Check of whatever is written in the present.
func lawful(before, after *Opportunity) error {
	if err := after.check(before); err != nil || before == nil || !before.Category.Closed() {
		return err
	}
	field := ""
	switch {
	case before.Amount != after.Amount:
		field = "amount"
	case !equal(before.Override, after.Override):
		field = "probability_override"
	default:
		return nil
	}
	err := refused(before.Version, "the opportunity is %s, which fixed this field: Reopen it first", before.Category)
	err.Field = field
	return err
}

// historical is the Check of imported history, which may correct what a closing has fixed.
func historical(before, after *Opportunity) error { return after.check(before) }

// check looks at what the schema cannot know.
func (rec *Opportunity) check(before *Opportunity) error {
	var v fault.Violations
	if p := rec.Override; p != nil && (*p < 0 || *p > Full) {
		v.Add("probability_override", "want 0 to %d basis points, have %d", Full, *p)
	}
	if before == nil {
		if !rec.Ext.IsZero() {
			v.AddAll("ext", rec.Ext.Validate())
		}
		return v.Err()
	}
	switch reason := rec.LostReason; {
	case reason == before.LostReason:
	case reason != "" && schema.CheckWord("lost_reason", reason) != nil:
		v.AddAll("", schema.CheckWord("lost_reason", reason))
	case (rec.Category == Lost) == (reason == ""):
		v.Add("lost_reason", "a lost opportunity has one, and no other: use Lose")
	}
	return v.Err()
}

// weigh sets the probability that counts.
func (rec *Opportunity) weigh() {
	rec.Probability = rec.StageProbability
	if rec.Override != nil && !rec.Category.Closed() {
		rec.Probability = *rec.Override
	}
}

func equal(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }
