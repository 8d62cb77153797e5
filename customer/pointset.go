package customer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// The law of a customer's points: each value once in a channel, and exactly one primary point in each channel that has
// points at all.

// addPoints adds the points of a draft. Those that the customer has already are passed over when known is true, and
// refused otherwise.
func (m *Module) addPoints(c *work.Call, v *fault.Violations, rec *Customer, drafts []PointDraft, known bool) {
	var fresh []int
	for i := range drafts {
		if !known || !m.hasPoint(rec, &drafts[i]) {
			fresh = append(fresh, i)
		}
	}
	if len(rec.Points)+len(fresh) > MaxPoints {
		v.Add("points", "must be at most %d", MaxPoints)
		return
	}
	for _, i := range fresh {
		if _, err := m.addPoint(c, rec, &drafts[i]); err != nil {
			v.AddAll(fmt.Sprintf("points[%d]", i), err)
		}
	}
	orderPoints(rec)
}

func (m *Module) hasPoint(rec *Customer, d *PointDraft) bool {
	value, err := m.points.Normalize(d.Channel, d.Value, rec.Country)
	return err == nil && findPoint(rec, d.Channel, value) >= 0
}

// addPoint appends one point and returns its id. Faults name fields of the draft.
func (m *Module) addPoint(c *work.Call, rec *Customer, d *PointDraft) (ident.ID, error) {
	value, err := m.points.Normalize(d.Channel, d.Value, rec.Country)
	if err != nil {
		return ident.ID{}, err
	}
	if err := schema.CheckText("label", d.Label, 40); err != nil {
		return ident.ID{}, err
	}
	if findPoint(rec, d.Channel, value) >= 0 {
		return ident.ID{}, fault.Field("value", "the customer has this point already")
	}
	p := ContactPoint{
		ID: c.Engine.NewID(), Channel: d.Channel, Value: personal.NewText(personal.Contact, value), Label: d.Label,
		Primary: d.Primary, Verified: d.Verified, ValidFrom: c.Now, Version: 1, Subject: rec.ID,
	}
	first := !slices.ContainsFunc(rec.Points, func(o ContactPoint) bool { return o.Channel == p.Channel })
	p.Primary = p.Primary || first
	if p.Primary && !first {
		demote(rec, p.Channel)
	}
	rec.Points = append(rec.Points, p)
	return p.ID, nil
}

// findPoint returns the place of the point with the value, or -1. Values that cannot be opened are other values.
func findPoint(rec *Customer, ch personal.Channel, value string) int {
	_, want := BlindKey(ch, value)
	return slices.IndexFunc(rec.Points, func(p ContactPoint) bool {
		if p.Channel != ch {
			return false
		}
		v, err := p.Value.Value()
		_, key := BlindKey(ch, v)
		return err == nil && key == want
	})
}

// removePoint takes a point away; the channel's next one becomes primary when it was.
func removePoint(rec *Customer, i int) {
	ch := rec.Points[i].Channel
	rec.Points = slices.Delete(rec.Points, i, i+1)
	promote(rec, ch)
	orderPoints(rec)
}

func demote(rec *Customer, ch personal.Channel) {
	for i := range rec.Points {
		if p := &rec.Points[i]; p.Channel == ch && p.Primary {
			p.Primary = false
			p.Version++
		}
	}
}

// promote makes sure that a channel with points has a primary one.
func promote(rec *Customer, ch personal.Channel) {
	first := -1
	for i := range rec.Points {
		if p := &rec.Points[i]; p.Channel == ch {
			if p.Primary {
				return
			}
			if first < 0 {
				first = i
			}
		}
	}
	if first >= 0 {
		rec.Points[first].Primary = true
		rec.Points[first].Version++
	}
}

// orderPoints brings points into the order of [Customer.Points]. Times of equal points differ by id only.
func orderPoints(rec *Customer) {
	if len(rec.Points) > 1 {
		slices.SortFunc(rec.Points, ComparePoints)
	}
}

// ComparePoints orders points by channel, primary ones first, then by id.
func ComparePoints(a, b ContactPoint) int {
	switch {
	case a.Channel != b.Channel:
		return strings.Compare(string(a.Channel), string(b.Channel))
	case a.Primary != b.Primary:
		if a.Primary {
			return -1
		}
		return 1
	}
	return a.ID.Compare(b.ID)
}
