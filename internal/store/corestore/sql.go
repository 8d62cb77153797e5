package corestore

import (
	"strings"

	"github.com/rapport-crm/rapport/internal/store"
)

// Traces of writes.
var (
	addAudit = store.Same("corestore.add_audit", `
		INSERT INTO crm_audit (tenant_id, id, at, op, action, entity, record_id, version, actor_kind, actor_id, purpose,
			source_system, source_ref, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`)

	addEvent = store.Same("corestore.add_event", `
		INSERT INTO crm_event (tenant_id, id, kind, entity, record_id, version, ordinal, actor_kind, actor_id, purpose, at,
			changed, refs, facts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`)

	addDispatch = store.Same("corestore.add_dispatch", `
		INSERT INTO crm_dispatch (tenant_id, id, entity, record_id, version, at) VALUES ($1, $2, $3, $4, $5, $6)`)

	addLine = store.Same("corestore.add_line", `
		INSERT INTO crm_timeline (tenant_id, customer_id, at, event_id, kind, entity, record_id, owner_user, owner_team)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant_id, customer_id, at, event_id) DO NOTHING`)

	moveLines = store.Same("corestore.move_lines", `
		UPDATE crm_timeline SET owner_user = $3, owner_team = $4 WHERE tenant_id = $1 AND record_id = $2`)

	addAccess = store.Same("corestore.add_access", `
		INSERT INTO crm_access (tenant_id, id, at, actor_kind, actor_id, purpose, entity, record_id, fields)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)

	setTimer = store.Same("corestore.set_timer", `
		INSERT INTO crm_delivery (tenant_id, consumer, event_id, kind, entity, record_id, order_key, version, ordinal,
			due_at, attempts, state, timer_key, last_error)
		VALUES ($1, $2, $3, $4, $5, $6, $6, $9, 0, $7, 0, 'open', $8, '')
		ON CONFLICT (tenant_id, consumer, event_id) DO UPDATE SET entity = excluded.entity, record_id = excluded.record_id,
			order_key = excluded.order_key, version = excluded.version, due_at = excluded.due_at, attempts = 0, lease_until = NULL, lease_id = NULL, state = 'open', last_error = ''`)

	dropTimer = store.Same("corestore.drop_timer", `
		DELETE FROM crm_delivery WHERE tenant_id = $1 AND consumer = $2 AND event_id = $3`)
)

// Idempotency keys.
var (
	reserveOnce = store.Same("corestore.reserve_once", `
		INSERT INTO crm_once (tenant_id, key, op, digest) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, key) DO NOTHING`)

	getOnce = store.Same("corestore.get_once", `
		SELECT op, digest, entity, record_id FROM crm_once WHERE tenant_id = $1 AND key = $2`)

	keepOnce = store.Same("corestore.keep_once", `
		UPDATE crm_once SET op = $3, digest = $4, entity = $5, record_id = $6, at = $7 WHERE tenant_id = $1 AND key = $2`)
)

// Custom fields.
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

// Settings of tenants.
var (
	getSettings = store.Same("corestore.get_settings", `
		SELECT zone, currency, language, settings_version FROM crm_tenant WHERE tenant_id = $1`)

	putSettings = store.Same("corestore.put_settings", `
		INSERT INTO crm_tenant (tenant_id, zone, currency, language, settings_version, schema_version, updated_at)
		VALUES ($1, $2, $3, $4, $5, 0, $6)
		ON CONFLICT (tenant_id) DO UPDATE SET zone = excluded.zone, currency = excluded.currency, language = excluded.language,
			settings_version = excluded.settings_version, updated_at = excluded.updated_at
		WHERE COALESCE(crm_tenant.settings_version, 0) = $7`)
)

const fieldColumns = `entity, key, type, label, class, enum, max_len, sortable, required, retired`

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return append([]store.SQL{
		addAudit, addEvent, addDispatch, addLine, moveLines, addAccess, setTimer, dropTimer, reserveOnce, getOnce, keepOnce,
		listAudit, getVersion, bumpVersion, addVersion, getField, listFields, putField, listObjects, putObject, dropSortKeys, getSettings, putSettings,
		claimOfKey, takeKey, dropKey,
	}, claimTable.Statements()...)
}
