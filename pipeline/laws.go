package pipeline

import (
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
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
		v.AddAll("", checkExt(rec.Ext, false))
		return v.Err()
	}
	switch reason := rec.LostReason; {
	case reason == before.LostReason:
	case reason != "" && !word.MatchString(reason):
		v.Add("lost_reason", "%s: it is a key, so that reports can count it", wordForm)
	case (rec.Category == Lost) == (reason == ""):
		v.Add("lost_reason", "a lost opportunity has one, and no other: use Lose")
	}
	return v.Err()
}

// checkExt checks the form of an external id; a zero one is good unless it is required.
func checkExt(ext ident.Ext, required bool) error {
	if ext.IsZero() && !required {
		return nil
	}
	if m := ident.HostID(ext.System); m != "" {
		return fault.Field("ext.system", "%s", m)
	}
	if ext.ID == "" || len(ext.ID) > 200 {
		return fault.Field("ext.id", "want 1 to 200 bytes, have %d", len(ext.ID))
	}
	return schema.CheckText("ext.id", ext.ID, 200)
}

// weigh sets the probability that counts.
func (rec *Opportunity) weigh() {
	rec.Probability = rec.StageProbability
	if rec.Override != nil && !rec.Category.Closed() {
		rec.Probability = *rec.Override
	}
}

func equal(a, b *int64) bool { return a == b || a != nil && b != nil && *a == *b }
