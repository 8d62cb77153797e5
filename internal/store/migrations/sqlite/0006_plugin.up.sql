-- Which plugin was shown which fields of whom, when and why. Append-only; names of fields, never values.
CREATE TABLE crm_disclosure (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  plugin TEXT NOT NULL,
  purpose TEXT NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  fields TEXT,
  cause BLOB NOT NULL,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_disclosure_record ON crm_disclosure (tenant_id, record_id, id);

-- The events and actions whose effects a plugin has committed: each takes effect once.
CREATE TABLE crm_plugin_consumed (
  tenant_id TEXT NOT NULL,
  plugin TEXT NOT NULL,
  event_id BLOB NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, plugin, event_id)
) WITHOUT ROWID;

-- What plugins keep for themselves.
CREATE TABLE crm_plugin_kv (
  tenant_id TEXT NOT NULL,
  plugin TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, plugin, key)
) WITHOUT ROWID;

-- How many events a plugin has emitted about a record: the version of its next one.
CREATE TABLE crm_plugin_stream (
  tenant_id TEXT NOT NULL,
  plugin TEXT NOT NULL,
  record_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, plugin, record_id)
) WITHOUT ROWID;
