package customerstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// On SQLite the names' tokens are a document of FTS5, written just before the customer's row: its number is that of the
// last row inserted on the connection. PostgreSQL keeps them in the row.
var (
	insertCustomer = store.Split("customer.insert", insertCustomerText("$13::tsvector"), insertCustomerText("last_insert_rowid()"))

	updateCustomer = store.Split("customer.update", updateCustomerText(", search = $18::tsvector"), updateCustomerText(""))

	putTaxID = store.Same("customer.put_tax_id", `
		UPDATE crm_customer SET tax_id = $3 WHERE tenant_id = $1 AND id = $2`)

	deleteCustomer = store.Same("customer.delete", `
		UPDATE crm_customer SET deleted_at = $4, updated_at = $4, version = $3 + 1, search = NULL, freed = $5
		WHERE tenant_id = $1 AND id = $2 AND version = $3`)

	restoreCustomer = store.Split("customer.restore", restoreText("$5::tsvector"), restoreText("last_insert_rowid()"))

	addDocument = store.Split("customer.add_document", ``, `
		INSERT INTO crm_customer_fts (tokens) VALUES ($1)`)

	putDocument = store.Split("customer.put_document", ``, `
		INSERT OR REPLACE INTO crm_customer_fts (rowid, tokens)
		SELECT search, $3 FROM crm_customer WHERE tenant_id = $1 AND id = $2 AND search IS NOT NULL`)

	dropDocument = store.Split("customer.drop_document", ``, `
		DELETE FROM crm_customer_fts WHERE rowid = (SELECT search FROM crm_customer WHERE tenant_id = $1 AND id = $2)`)
)

func insertCustomerText(search string) string {
	return strings.Replace(store.InsertText("crm_customer", customerInsert), "$13", search, 1)
}

func updateCustomerText(search string) string {
	return `UPDATE crm_customer SET version = $4, name = $5, given = $6, family = $7, sort_name = $8, language = $9, country = $10,
		lifecycle = $11, lifecycle_since = $12, owner_user = $13, owner_team = $14, custom = $15,
		updated_at = $16, source_system = $17, source_ref = $19` + search + `
		WHERE tenant_id = $1 AND id = $2 AND version = $3`
}

func restoreText(search string) string {
	return `UPDATE crm_customer SET deleted_at = NULL, updated_at = $4, version = $3 + 1, freed = NULL, search = ` + search + `
		WHERE tenant_id = $1 AND id = $2 AND version = $3 AND deleted_at IS NOT NULL`
}

// Save implements [work.Store].
func (s customers) Save(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	if before == nil {
		return s.insert(ctx, c, after)
	}
	return s.update(ctx, c, before, after)
}

func (s customers) insert(ctx context.Context, c *work.Call, rec *customer.Customer) error {
	var key keys.Key
	if sealing(rec) {
		var err error
		if key, err = s.keys.Fresh(ctx, c.Unit, c.Tenant(), rec.ID); err != nil {
			return err
		}
	}
	taxID, err := sealTaxID(key, rec)
	if err != nil {
		return err
	}
	doc, err := s.newDocument(c, rec)
	if err != nil {
		return err
	}
	if err := s.on(c).Queue(insertCustomer, taken("id"), insertValues(c.Tenant(), rec, taxID, doc)...); err != nil {
		return err
	}
	if err := s.addExt(c, rec, rec.Ext); err != nil {
		return err
	}
	if err := s.addPoints(ctx, c, key, rec.ID, rec.Points); err != nil {
		return err
	}
	return s.indexCustom(c, rec.ID, schema.Values{}, rec.Custom)
}

// newDocument returns the tokens of a customer, which it writes before the row where they have a table of their own.
func (s *Store) newDocument(c *work.Call, rec *customer.Customer) (string, error) {
	doc := document(s.sqlite(), tenantTerm(c.Tenant()), rec.Terms())
	if !s.sqlite() {
		return doc, nil
	}
	return doc, s.on(c).Queue(addDocument, nil, doc)
}

func (s *Store) indexCustom(c *work.Call, id ident.ID, before, after schema.Values) error {
	if before.IsZero() && after.IsZero() {
		return nil
	}
	return s.on(c).IndexCustom(c.Tenant(), c.Entity, id, before, after)
}

func (s customers) update(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	terms := after.Terms()
	doc := document(s.sqlite(), tenantTerm(c.Tenant()), terms)
	err := s.on(c).QueueOne(updateCustomer, moved(before), c.Tenant(), after.ID, before.Version,
		after.Version, orNull(after.Name), orNull(after.Given), orNull(after.Family), store.OrNull(after.SortName()),
		store.OrNull(after.Language), store.OrNull(after.Country), after.Lifecycle, after.LifecycleSince,
		store.OrNull(after.OwnerUser), store.OrNull(after.OwnerTeam), encoded(after.Custom),
		after.UpdatedAt, store.OrNull(after.Source.System), doc, store.OrNull(after.Source.Ref))
	if err != nil {
		return err
	}
	if s.sqlite() && !slices.Equal(before.Terms(), terms) {
		if err := s.on(c).Queue(putDocument, nil, c.Tenant(), after.ID, doc); err != nil {
			return err
		}
	}
	if err := s.updateTaxID(ctx, c, before, after); err != nil {
		return err
	}
	if err := s.updateExt(c, before, after); err != nil {
		return err
	}
	if err := s.updatePoints(ctx, c, before, after); err != nil {
		return err
	}
	return s.indexCustom(c, after.ID, before.Custom, after.Custom)
}

// moved is the check of a write that must find the version before it.
func moved(before *customer.Customer) func(error) error {
	return func(err error) error { return store.Moved(err, before.Version) }
}

// Delete implements [work.Store]. Points and external ids of customers merged into it go with it; the row keeps the ids,
// for [customers.Restore].
func (s customers) Delete(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	if s.sqlite() {
		if err := s.on(c).Queue(dropDocument, nil, c.Tenant(), after.ID); err != nil {
			return err
		}
	}
	var freed store.JSON
	if len(before.Ext) > 0 {
		var err error
		if freed, err = json.Marshal(before.Ext); err != nil {
			return err
		}
	}
	if err := s.on(c).QueueOne(deleteCustomer, moved(before), c.Tenant(), after.ID, before.Version, after.UpdatedAt, freed); err != nil {
		return err
	}
	list, err := s.everyID(ctx, c, after)
	if err != nil {
		return err
	}
	if err := s.on(c).Queue(endPoints, nil, c.Tenant(), list, after.UpdatedAt); err != nil {
		return err
	}
	if err := s.on(c).Queue(dropExts, nil, c.Tenant(), list); err != nil {
		return err
	}
	return s.indexCustom(c, after.ID, before.Custom, schema.Values{})
}

// Restore implements [work.Store].
func (s customers) Restore(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	list, err := s.everyID(ctx, c, after)
	if err != nil {
		return err
	}
	if err := s.on(c).Queue(revivePoints, taken("points.value"), c.Tenant(), list, after.ID); err != nil {
		return err
	}
	doc, err := s.newDocument(c, after)
	if err != nil {
		return err
	}
	if err := s.on(c).QueueOne(restoreCustomer, moved(before), c.Tenant(), after.ID, before.Version, after.UpdatedAt, doc); err != nil {
		return err
	}
	if err := s.addExt(c, after, after.Ext); err != nil {
		return err
	}
	return s.indexCustom(c, after.ID, schema.Values{}, after.Custom)
}

// everyID lists the ids under which a customer's points and external ids stand.
func (s *Store) everyID(ctx context.Context, c *work.Call, rec *customer.Customer) (string, error) {
	ids := []ident.ID{rec.ID}
	if rec.Merged {
		var err error
		if ids, err = s.ResolutionSet(ctx, c, rec.ID); err != nil {
			return "", err
		}
	}
	return store.IDList(s.db, ids), nil
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
		if key, err = store.KeyOf(ctx, s.keys, c, after.ID); err != nil {
			return err
		}
	}
	sealed, err := sealTaxID(key, after)
	if err != nil {
		return err
	}
	return s.on(c).Queue(putTaxID, nil, c.Tenant(), after.ID, sealed)
}
