package customer

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/names"
)

// Search returns the customers whose names hold every word of the text, the last word as a beginning; text in
// scripts without spaces is found anywhere in a name. A text that is an e-mail address or telephone number also
// finds who has it. Case and accents do not count. The order is that of the names, then ids.
//
// limit is 1 to 1,000; 0 means 50. Both databases give the same customers in the same order.
//
// Errors: Invalid for a malformed text or limit; Denied for callers who may not see names.
func (cs Customers) Search(ctx context.Context, text string, limit int) ([]Customer, error) {
	const op = "customer: search"
	limit, err := page.Query{Limit: limit}.Size()
	if err == nil {
		err = schema.CheckText("text", text, page.MaxSearch)
	}
	if err != nil {
		return nil, fault.At(op, err)
	}
	out, err := work.View(ctx, cs.m.engine, *cs.scope, op, EntityCustomer, func(ctx context.Context, c *work.Call) ([]Customer, error) {
		return cs.m.searchPoints(ctx, c, text)
	})
	if err != nil {
		return nil, err
	}
	if !names.NewQuery(text).IsZero() {
		named, err := cs.m.customers.Page(ctx, cs.scope, rule.True(), page.Query{Search: text, Sort: "name", Limit: limit})
		if err != nil {
			return nil, err
		}
		out = append(out, named.Items...)
	}
	slices.SortFunc(out, bySortName)
	out = slices.CompactFunc(out, func(a, b Customer) bool { return a.ID == b.ID })
	return out[:min(len(out), limit)], nil
}

// searchPoints finds customers by a text that is an address or a number. Callers who may not see points get none; those
// who may not see names, which the answer is ordered by, are refused.
func (m *Module) searchPoints(ctx context.Context, c *work.Call, text string) ([]Customer, error) {
	for _, field := range []string{"name", "given", "family"} { // the index does not keep them apart
		if err := c.CheckField(field); err != nil {
			return nil, err
		}
	}
	channels := [2]personal.Channel{personal.ByPhone, personal.BySMS}
	switch {
	case c.Hides("points.value", personal.Contact):
		return nil, nil
	case strings.Contains(text, "@"):
		channels = [2]personal.Channel{personal.ByEmail, personal.ByEmail}
	case utf8.RuneCountInString(text) < 6 || !strings.ContainsAny(text, "0123456789"):
		return nil, nil
	}
	value, err := m.points.Normalize(channels[0], text, "")
	if err != nil {
		return nil, nil //nolint:nilerr // it is a text like any other
	}
	return m.byPoint(ctx, c, value, channels)
}

func bySortName(a, b Customer) int {
	if x := strings.Compare(a.SortName(), b.SortName()); x != 0 {
		return x
	}
	return a.ID.Compare(b.ID)
}
