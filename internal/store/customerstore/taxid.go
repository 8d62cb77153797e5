package customerstore

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// wholeColumns are customerColumns and the sensitive columns, with the key that opens them where there is something to
// open. Reads that show nothing sensitive leave them out.
var wholeColumns = customerColumns + `, c.tax_id,
	CASE WHEN c.tax_id IS NOT NULL THEN
		(SELECT k.wrapped FROM crm_subject_key k WHERE k.tenant_id = $1 AND k.subject_id = c.id) END AS wrapped`

// wholeRow is a row with the sensitive columns, which are nil when they were not read.
type wholeRow struct {
	customerRow

	TaxID   []byte `bun:"tax_id"`
	Wrapped []byte `bun:"wrapped"`
}

func taxIDPlace(id ident.ID) keys.Place {
	return keys.Place{Table: "crm_customer", Column: "tax_id", Row: id}
}

// taxID returns the tax id as it was read, unopened.
func (s *Store) taxID(c *work.Call, r *wholeRow) personal.Text {
	if len(r.TaxID) == 0 {
		return personal.Text{}
	}
	id := ident.ID(r.ID)
	return personal.NewSealed(personal.Government, r.TaxID, s.keys.Opener(c.Tenant(), r.Wrapped, id, taxIDPlace(id)))
}

// sealing reports whether a new customer needs a key.
func sealing(rec *customer.Customer) bool { return len(rec.Points) > 0 || !rec.TaxID.IsZero() }

// sealTaxID returns what is stored, nil without a tax id.
func sealTaxID(key keys.Key, rec *customer.Customer) ([]byte, error) {
	value, err := rec.TaxID.Value()
	if err != nil || value == "" {
		return nil, err
	}
	return key.Seal(taxIDPlace(rec.ID), value)
}

// updateTaxID stores the tax id when it differs, so that other updates neither seal it anew nor send it.
func (s *Store) updateTaxID(ctx context.Context, c *work.Call, before, after *customer.Customer) (err error) {
	if before.TaxID.Equal(after.TaxID) {
		return nil
	}
	var key keys.Key
	if !after.TaxID.IsZero() {
		if key, err = s.subjectKey(ctx, c, after.ID); err != nil {
			return err
		}
	}
	sealed, err := sealTaxID(key, after)
	if err != nil {
		return err
	}
	_, err = s.on(c).Exec(ctx, putTaxID, c.Tenant(), after.ID, sealed)
	return err
}
