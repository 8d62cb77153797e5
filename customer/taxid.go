package customer

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// maxTaxID is the greatest length of a tax id in characters.
const maxTaxID = 60

// Reveal returns a customer with its sensitive fields, which every other read masks whether or not there is a value:
// now the tax id. It needs the right to reveal customers and a purpose that needs the field's class, see
// privacy.DefaultPurposes; a field that either of them hides stays masked.
//
// When there is a value to show, one access record (who, for what purpose, when, which record, which fields) is
// written in the same transaction, and without it nothing is shown. In a transaction of the caller's the record stands
// or falls with that transaction: do not use what was revealed before it has committed.
//
// Errors: NotFound, Denied; in a transaction that is read-only Invalid, or with SQLite Unavailable.
func (cs Customers) Reveal(ctx context.Context, id ident.ID) (Customer, error) {
	return work.Unseal(ctx, cs.s.engine, cs.scope, "customer: reveal", EntityCustomer,
		func(ctx context.Context, c *work.Call) (*Customer, error) {
			return cs.s.reached(ctx, c, id, cs.s.store.WholeCustomer)
		})
}

// taxID checks and normalises a tax, registration or identity number. Its parts are for whoever issued it to judge.
func taxID(v *fault.Violations, s string) personal.Text {
	const field = "tax_id"
	if s == "" {
		return personal.Text{}
	}
	if err := schema.CheckText(field, s, 4*maxTaxID); err != nil {
		v.AddAll("", err)
		return personal.Text{}
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	switch {
	case s == "":
		v.Add(field, "must not be blank: leave it out")
	case strings.ContainsFunc(s, unicode.IsControl):
		v.Add(field, "must not hold control characters, such as tabs and ends of lines")
	case utf8.RuneCountInString(s) > maxTaxID:
		v.Add(field, "must have at most %d characters", maxTaxID)
	}
	return personal.NewText(personal.Government, s)
}
