package customerstore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

var (
	getCustomer = store.Same("customer.get", `
		SELECT `+customerColumns+` FROM crm_customer c
		WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`)

	getWholeCustomer = store.Same("customer.get_whole", `
		SELECT `+wholeColumns+` FROM crm_customer c
		WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`)

	lockCustomer = store.Split("customer.lock", `
		SELECT `+wholeColumns+` FROM crm_customer c
		WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL FOR NO KEY UPDATE OF c`, `
		SELECT `+wholeColumns+` FROM crm_customer c
		WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`)

	versionOfCustomer = store.Same("customer.version", `
		SELECT version FROM crm_customer WHERE tenant_id = $1 AND id = $2`)

	// The FTS document is written just before, so its row is the last one inserted on the connection.
	insertCustomer = store.Split("customer.insert",
		insertCustomerText("$13::tsvector"), insertCustomerText("last_insert_rowid()"))

	updateCustomer = store.Split("customer.update",
		updateCustomerText(", search = $18::tsvector"), updateCustomerText(""))

	putTaxID = store.Same("customer.put_tax_id", `
		UPDATE crm_customer SET tax_id = $3 WHERE tenant_id = $1 AND id = $2`)

	deleteCustomer = store.Same("customer.delete", `
		UPDATE crm_customer SET deleted_at = $4, updated_at = $4, version = $3 + 1, search = NULL
		WHERE tenant_id = $1 AND id = $2 AND version = $3`)

	// The documents of FTS5. PostgreSQL keeps them in the customer's row.
	addDocument = store.Split("customer.add_document", ``, `
		INSERT INTO crm_customer_fts (tokens) VALUES ($1)`)

	putDocument = store.Split("customer.put_document", ``, `
		INSERT OR REPLACE INTO crm_customer_fts (rowid, tokens)
		SELECT search, $3 FROM crm_customer WHERE tenant_id = $1 AND id = $2 AND search IS NOT NULL`)

	dropDocument = store.Split("customer.drop_document", ``, `
		DELETE FROM crm_customer_fts WHERE rowid = (SELECT search FROM crm_customer WHERE tenant_id = $1 AND id = $2)`)
)

func customerStatements() []store.SQL {
	return []store.SQL{getCustomer, getWholeCustomer, lockCustomer, versionOfCustomer, insertCustomer, updateCustomer,
		putTaxID, deleteCustomer, addDocument, putDocument, dropDocument}
}

// customerInsert lists the columns of an insert in the order of insertValues.
var customerInsert = []string{
	"tenant_id", "kind", "name", "given", "family", "sort_name", "language", "country", "lifecycle", "lifecycle_since", "custom", "tax_id", "search",
	"id", "version", "owner_user", "owner_team", "created_at", "updated_at", "created_by", "source_system", "source_ref",
}

func insertCustomerText(search string) string {
	return `INSERT INTO crm_customer (tenant_id, kind, name, given, family, sort_name, language, country, lifecycle, lifecycle_since, custom, tax_id, search,
		` + metaColumns + `)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ` + search + `, $14, $15, $16, $17, $18, $19, $20, $21, $22)`
}

func insertValues(tenant string, rec *customer.Customer, taxID []byte, document any) []any {
	return append([]any{
		tenant, string(rec.Kind), orNull(rec.Name), orNull(rec.Given), orNull(rec.Family), store.OrNull(rec.SortName()),
		store.OrNull(rec.Language), store.OrNull(rec.Country), rec.Lifecycle, rec.LifecycleSince, encoded(rec.Custom), taxID, document,
	}, metaValues(&rec.Meta)...)
}

func updateCustomerText(search string) string {
	return `UPDATE crm_customer SET version = $4, name = $5, given = $6, family = $7, sort_name = $8, language = $9, country = $10,
		lifecycle = $11, lifecycle_since = $12, owner_user = $13, owner_team = $14, custom = $15,
		updated_at = $16, source_system = $17, source_ref = $19` + search + `
		WHERE tenant_id = $1 AND id = $2 AND version = $3`
}

// maxHops bounds how far a merged id is followed. Merging points losers at the survivor, so one hop is the rule.
const maxHops = 8

// Customer implements [customer.Records].
func (s *Store) Customer(ctx context.Context, c *work.Call, id ident.ID) (*customer.Customer, error) {
	return s.follow(ctx, c, getCustomer, id)
}

// WholeCustomer implements [customer.Records].
func (s *Store) WholeCustomer(ctx context.Context, c *work.Call, id ident.ID) (*customer.Customer, error) {
	return s.follow(ctx, c, getWholeCustomer, id)
}

// LockCustomer implements [customer.Records].
func (s *Store) LockCustomer(ctx context.Context, c *work.Call, id ident.ID) (*customer.Customer, error) {
	return s.follow(ctx, c, lockCustomer, id)
}

// follow reads a customer, or the one it was merged into.
func (s *Store) follow(ctx context.Context, c *work.Call, q store.SQL, id ident.ID) (*customer.Customer, error) {
	for range maxHops {
		var row wholeRow
		if err := s.on(c).Get(ctx, q, &row, c.Tenant(), id); err != nil {
			return nil, missing(err, "customer")
		}
		if next := ident.ID(row.CanonicalID); !next.IsZero() {
			id = next
			continue
		}
		rec, err := row.customer(c)
		if err != nil {
			return nil, err
		}
		if err := s.complete(ctx, c, &rec, row.Merged); err != nil {
			return nil, err
		}
		rec.TaxID = s.taxID(c, &row)
		return &rec, nil
	}
	return nil, fault.New(fault.Internal, "a merged customer points in a circle")
}

// InsertCustomer implements [customer.Records].
func (s *Store) InsertCustomer(ctx context.Context, c *work.Call, rec *customer.Customer) error {
	on, doc := s.on(c), document(s.sqlite(), tenantTerm(c.Tenant()), rec.Terms())
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
	if s.sqlite() {
		if _, err := on.Exec(ctx, addDocument, doc); err != nil {
			return err
		}
	}
	if _, err := on.Exec(ctx, insertCustomer, insertValues(c.Tenant(), rec, taxID, doc)...); err != nil {
		return taken(err, "id")
	}
	if err := s.addExt(ctx, c, rec.ID, rec.Ext, rec.Ext); err != nil {
		return err
	}
	if err := s.addPoints(ctx, c, key, rec.ID, rec.Points); err != nil {
		return err
	}
	return s.indexCustom(ctx, c, rec.ID, schema.Values{}, rec.Custom)
}

func (s *Store) indexCustom(ctx context.Context, c *work.Call, id ident.ID, before, after schema.Values) error {
	if before.IsZero() && after.IsZero() {
		return nil
	}
	return s.on(c).IndexCustom(ctx, c.Tenant(), c.Entity, id, before, after)
}

// UpdateCustomer implements [customer.Records].
func (s *Store) UpdateCustomer(ctx context.Context, c *work.Call, before, after *customer.Customer) error {
	terms := after.Terms()
	doc := document(s.sqlite(), tenantTerm(c.Tenant()), terms)
	n, err := s.on(c).Exec(ctx, updateCustomer, c.Tenant(), after.ID, before.Version,
		after.Version, orNull(after.Name), orNull(after.Given), orNull(after.Family), store.OrNull(after.SortName()),
		store.OrNull(after.Language), store.OrNull(after.Country), after.Lifecycle, after.LifecycleSince,
		store.OrNull(after.OwnerUser), store.OrNull(after.OwnerTeam), encoded(after.Custom),
		after.UpdatedAt, store.OrNull(after.Source.System), doc, store.OrNull(after.Source.Ref))
	switch {
	case err != nil:
		return err
	case n == 0:
		return s.conflict(ctx, c, versionOfCustomer, after.ID)
	}
	if s.sqlite() && !slices.Equal(before.Terms(), terms) {
		if _, err := s.on(c).Exec(ctx, putDocument, c.Tenant(), after.ID, doc); err != nil {
			return err
		}
	}
	if err := s.updateTaxID(ctx, c, before, after); err != nil {
		return err
	}
	if err := s.updateExt(ctx, c, before, after); err != nil {
		return err
	}
	if err := s.updatePoints(ctx, c, before, after); err != nil {
		return err
	}
	return s.indexCustom(ctx, c, after.ID, before.Custom, after.Custom)
}

// DeleteCustomer implements [customer.Records]. Points and external ids of customers merged into it go with it.
func (s *Store) DeleteCustomer(ctx context.Context, c *work.Call, rec *customer.Customer) error {
	on := s.on(c)
	if s.sqlite() {
		if _, err := on.Exec(ctx, dropDocument, c.Tenant(), rec.ID); err != nil {
			return err
		}
	}
	n, err := on.Exec(ctx, deleteCustomer, c.Tenant(), rec.ID, rec.Version-1, rec.UpdatedAt)
	switch {
	case err != nil:
		return err
	case n == 0:
		return s.conflict(ctx, c, versionOfCustomer, rec.ID)
	}
	set, err := s.ResolutionSet(ctx, c, rec.ID)
	if err != nil {
		return err
	}
	list := s.idList(set)
	if _, err := on.Exec(ctx, endPoints, c.Tenant(), list, rec.UpdatedAt); err != nil {
		return err
	}
	if _, err := on.Exec(ctx, dropExts, c.Tenant(), list); err != nil {
		return err
	}
	return s.indexCustom(ctx, c, rec.ID, rec.Custom, schema.Values{})
}
