package pluginstore

import (
	"context"
	"errors"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/plugin"
)

var (
	consume = store.Same("plugin.consume", `
		INSERT INTO crm_plugin_consumed (tenant_id, plugin, event_id, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, plugin, event_id) DO NOTHING`)

	getValue = store.Same("plugin.get_value", `
		SELECT value FROM crm_plugin_kv WHERE tenant_id = $1 AND plugin = $2 AND key = $3`)

	putValue = store.Same("plugin.put_value", `
		INSERT INTO crm_plugin_kv (tenant_id, plugin, key, value, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (tenant_id, plugin, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`)

	dropValue = store.Same("plugin.drop_value", `
		DELETE FROM crm_plugin_kv WHERE tenant_id = $1 AND plugin = $2 AND key = $3`)

	nextVersion = store.Same("plugin.next_version", `
		INSERT INTO crm_plugin_stream (tenant_id, plugin, record_id, version) VALUES ($1, $2, $3, 1)
		ON CONFLICT (tenant_id, plugin, record_id) DO UPDATE SET version = crm_plugin_stream.version + 1
		RETURNING version`)

	disclose = store.Same("plugin.disclose", `
		INSERT INTO crm_disclosure (tenant_id, id, at, plugin, purpose, entity, record_id, fields, cause)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`)

	disclosures = store.Split("plugin.disclosures", ledger+`($4::uuid IS NULL OR id > $4) ORDER BY id LIMIT $5`,
		ledger+`($4 IS NULL OR id > $4) ORDER BY id LIMIT $5`)
)

const ledger = `
	SELECT id, at, plugin, purpose, entity, record_id, fields, cause FROM crm_disclosure
	WHERE tenant_id = $1 AND record_id = $2 AND entity = $3 AND `

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return []store.SQL{consume, getValue, putValue, dropValue, nextVersion, disclose, disclosures}
}

// Store keeps the boundary's tables. It is immutable and safe for concurrent use.
type Store struct{ db *store.DB }

// New returns a Store on a database.
func New(db *store.DB) *Store { return &Store{db} }

// Consume marks an event or action as taken effect. fresh is false when it was marked before; a second transaction
// that marks the same one waits for the first.
func (s *Store) Consume(ctx context.Context, u work.Unit, tenant, pluginID string, id ident.ID, at time.Time) (fresh bool, err error) {
	n, err := s.db.On(u).Exec(ctx, consume, tenant, pluginID, id, at)
	return n == 1, err
}

// Value returns what is kept under a key; ok is false when there is nothing.
func (s *Store) Value(ctx context.Context, u work.Unit, tenant, pluginID, key string) (value []byte, ok bool, err error) {
	err = s.db.On(u).Get(ctx, getValue, &value, tenant, pluginID, key)
	if errors.Is(err, store.ErrNoRow) {
		return nil, false, nil
	}
	return value, err == nil, err
}

// Put keeps a value under a key; an empty one drops it.
func (s *Store) Put(ctx context.Context, u work.Unit, tenant, pluginID, key string, value []byte, at time.Time) error {
	conn := s.db.On(u)
	var err error
	if len(value) == 0 {
		_, err = conn.Exec(ctx, dropValue, tenant, pluginID, key)
	} else {
		_, err = conn.Exec(ctx, putValue, tenant, pluginID, key, value, at)
	}
	return err
}

// Next returns the version of the next event about a record, from 1. Another transaction that asks for the same
// record waits for this one.
func (s *Store) Next(ctx context.Context, u work.Unit, tenant, pluginID string, record ident.ID) (version int64, err error) {
	err = s.db.On(u).Get(ctx, nextVersion, &version, tenant, pluginID, record)
	return version, err
}

// Disclose appends to the ledger.
func (s *Store) Disclose(ctx context.Context, u work.Unit, tenant string, list []plugin.Disclosure) error {
	conn := s.db.On(u)
	for _, d := range list {
		var fields []string
		if len(d.Fields) > 0 {
			fields = d.Fields
		}
		_, err := conn.Exec(ctx, disclose, tenant, d.ID, d.At, d.Plugin, string(d.Purpose), d.Record.Entity, d.Record.ID, fields, d.Cause)
		if err != nil {
			return err
		}
	}
	return nil
}

type disclosureRow struct {
	ID       store.ID    `bun:"id"`
	At       store.Time  `bun:"at"`
	Plugin   string      `bun:"plugin"`
	Purpose  string      `bun:"purpose"`
	Entity   string      `bun:"entity"`
	RecordID store.ID    `bun:"record_id"`
	Fields   store.Texts `bun:"fields"`
	Cause    store.ID    `bun:"cause"`
}

// Disclosures returns the ledger of one record in order, at most limit lines after the one with the given id; the
// zero id begins at the first.
func (s *Store) Disclosures(ctx context.Context, u work.Unit, tenant string, record ident.Ref, after ident.ID, limit int) ([]plugin.Disclosure, error) {
	var rows []disclosureRow
	if err := s.db.On(u).Select(ctx, disclosures, &rows, tenant, record.ID, record.Entity, after, limit); err != nil {
		return nil, err
	}
	out := make([]plugin.Disclosure, len(rows))
	for i, r := range rows {
		out[i] = plugin.Disclosure{
			ID: ident.ID(r.ID), At: time.Time(r.At), Plugin: r.Plugin, Purpose: personal.Purpose(r.Purpose),
			Record: ident.Ref{Entity: r.Entity, ID: ident.ID(r.RecordID)}, Fields: r.Fields, Cause: ident.ID(r.Cause),
		}
	}
	return out, nil
}
