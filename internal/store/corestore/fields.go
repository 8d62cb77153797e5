package corestore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

const fieldColumns = `entity, key, type, label, class, enum, max_len, sortable, required, retired`

var (
	getVersion = store.Same("corestore.get_version", `SELECT schema_version FROM crm_tenant WHERE tenant_id = $1`)

	bumpVersion = store.Same("corestore.bump_version", `
		UPDATE crm_tenant SET schema_version = schema_version + 1, updated_at = $3 WHERE tenant_id = $1 AND schema_version = $2`)

	addVersion = store.Same("corestore.add_version", `
		INSERT INTO crm_tenant (tenant_id, schema_version, updated_at) VALUES ($1, 1, $2)
		ON CONFLICT (tenant_id) DO UPDATE SET schema_version = 1, updated_at = excluded.updated_at
		WHERE crm_tenant.schema_version = 0`)

	getField = store.Same("corestore.get_field", `
		SELECT `+fieldColumns+` FROM crm_field WHERE tenant_id = $1 AND entity = $2 AND key = $3`)

	listFields = store.Same("corestore.list_fields", `
		SELECT t.schema_version, `+store.Qualified("f", strings.Split(fieldColumns, ", "))+`
		FROM crm_tenant t LEFT JOIN crm_field f ON f.tenant_id = $1 WHERE t.tenant_id = $1 ORDER BY f.entity, f.key`)

	putField = store.Same("corestore.put_field", `
		INSERT INTO crm_field (tenant_id, entity, key, type, label, class, enum, max_len, sortable, required, retired, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (tenant_id, entity, key) DO UPDATE SET type = excluded.type, label = excluded.label, class = excluded.class,
			enum = excluded.enum, max_len = excluded.max_len, sortable = excluded.sortable, required = excluded.required,
			retired = excluded.retired, updated_at = excluded.updated_at`)

	listObjects = store.Same("corestore.list_objects", `
		SELECT key, label, plural, retired FROM crm_object_kind WHERE tenant_id = $1 ORDER BY key`)

	putObject = store.Same("corestore.put_object", `
		INSERT INTO crm_object_kind (tenant_id, key, label, plural, retired, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (tenant_id, key) DO UPDATE SET label = excluded.label, plural = excluded.plural, retired = excluded.retired,
			updated_at = excluded.updated_at`)

	dropSortKeys = store.Same("corestore.drop_sort_keys", `
		DELETE FROM crm_field_index WHERE tenant_id = $1 AND entity = $2 AND field = $3`)
)

type fieldRow struct {
	Entity   string      `bun:"entity"`
	Key      string      `bun:"key"`
	Type     string      `bun:"type"`
	Label    string      `bun:"label"`
	Class    string      `bun:"class"`
	Enum     store.Texts `bun:"enum"`
	MaxLen   int         `bun:"max_len"`
	Sortable bool        `bun:"sortable"`
	Required bool        `bun:"required"`
	Retired  bool        `bun:"retired"`
}

func (r *fieldRow) definition() (schema.Definition, error) {
	t, ok := rule.ParseType(r.Type)
	if !ok {
		return schema.Definition{}, fault.New(fault.Internal, "stored field custom.%s has the unknown type %q", r.Key, r.Type)
	}
	return schema.Definition{
		Entity: r.Entity, Key: r.Key, Type: t, Label: r.Label, Class: personal.Class(r.Class), Enum: r.Enum, MaxLen: r.MaxLen,
		Sortable: r.Sortable, Required: r.Required, Retired: r.Retired,
	}, nil
}

// Version implements [custom.Store].
func (s *Store) Version(ctx context.Context, u work.Unit, tenant string) (n int64, err error) {
	return n, found(s.db.On(u).Get(ctx, getVersion, &n, tenant))
}

// found takes a missing row for the zero value.
func found(err error) error {
	if errors.Is(err, store.ErrNoRow) {
		return nil
	}
	return err
}

type objectRow struct {
	Key     string `bun:"key"`
	Label   string `bun:"label"`
	Plural  string `bun:"plural"`
	Retired bool   `bun:"retired"`
}

// layoutRow is a field, or none, with the version of the tenant's schema.
type layoutRow struct {
	Version int64 `bun:"schema_version"`
	fieldRow
}

// Layout implements [custom.Store]. The version comes with the fields, before the objects: a definition that comes in between
// is then read again by the next look at the version.
func (s *Store) Layout(ctx context.Context, u work.Unit, tenant string) (*custom.Layout, error) {
	var fields []layoutRow
	var objects []objectRow
	conn := s.db.On(u)
	first, second := conn.SelectLater(listFields, &fields, tenant), conn.SelectLater(listObjects, &objects, tenant)
	if err := first.Wait(ctx); err != nil {
		return nil, err
	}
	if err := second.Wait(ctx); err != nil {
		return nil, err
	}
	l := &custom.Layout{}
	for i := range fields {
		l.Version = fields[i].Version
		if fields[i].Key == "" {
			continue // a tenant without fields
		}
		d, err := fields[i].definition()
		if err != nil {
			return nil, err
		}
		l.Fields = append(l.Fields, d)
	}
	for _, r := range objects {
		l.Objects = append(l.Objects, custom.Object(r))
	}
	return l, nil
}

// DefineObject implements [custom.Store].
func (s *Store) DefineObject(_ context.Context, u work.Unit, tenant string, o custom.Object, from int64) error {
	conn, now := s.db.On(u), time.Now().UTC()
	if err := bump(conn, tenant, from, now); err != nil {
		return err
	}
	return conn.Queue(putObject, nil, tenant, o.Key, store.OrNull(o.Label), store.OrNull(o.Plural), o.Retired, now)
}

// Define implements [custom.Store].
func (s *Store) Define(ctx context.Context, u work.Unit, tenant string, d schema.Definition, from int64) error {
	conn, now := s.db.On(u), time.Now().UTC()
	sorts := d.Sortable && !d.Retired
	var before fieldRow
	if sorts { // if another definition comes in between, the version moves, too
		if err := found(conn.Get(ctx, getField, &before, tenant, d.Entity, d.Key)); err != nil {
			return err
		}
	}
	if err := bump(conn, tenant, from, now); err != nil {
		return err
	}
	if err := conn.Queue(putField, nil, tenant, d.Entity, d.Key, d.Type.String(), store.OrNull(d.Label), string(d.Class),
		d.Enum, d.MaxLen, d.Sortable, d.Required, d.Retired, now); err != nil {
		return err
	}
	switch {
	case !sorts:
		return conn.Queue(dropSortKeys, nil, tenant, d.Entity, d.Key)
	case !before.Sortable || before.Retired:
		return s.backfill(ctx, conn, tenant, d)
	}
	return nil
}

// bump moves the tenant's schema version. The first definition makes the tenant's row, unless settings have.
func bump(conn store.Conn, tenant string, from int64, now time.Time) error {
	faster := func(err error) error {
		if errors.Is(err, store.ErrNoRow) {
			return fault.New(fault.Retryable, "another definition of the tenant came first: run the transaction again")
		}
		return err
	}
	if from == 0 {
		return conn.QueueOne(addVersion, faster, tenant, now)
	}
	return conn.QueueOne(bumpVersion, faster, tenant, from, now)
}
