package customer

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// maxDepth bounds a chain of parents.
const maxDepth = 64

// checkCycle refuses a parent that is below from on a day on which the relationship holds. One whose first day is not
// known counts from today, or for its last day when that is past.
func (m *Module) checkCycle(ctx context.Context, c *work.Call, rec *Relationship) error {
	if rec.Type != Parent {
		return nil
	}
	days := *rec
	if days.Since.IsZero() {
		today, err := c.Today(ctx)
		if err != nil {
			return err
		}
		if days.Since = today; !rec.Until.IsZero() && rec.Until.Before(today) {
			days.Since = rec.Until
		}
	}
	above, err := m.store.Ancestors(ctx, c, &days, maxDepth)
	if err != nil {
		return err
	}
	if slices.Contains(above, rec.From) {
		f := fault.Field("to", "is below from already: a parent cannot be its own descendant")
		f.Reason = "cycle"
		return f
	}
	return nil
}
