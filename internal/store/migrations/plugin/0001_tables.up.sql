-- Which plugin was shown which fields of whom, when and why. Append-only; names of fields, never values.
CREATE TABLE crm_disclosure (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  at {time} NOT NULL,
  plugin {text} NOT NULL,
  purpose {text} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  fields {json},
  cause {id} NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_disclosure_record ON crm_disclosure (tenant_id, record_id, id);

-- The events and actions whose effects a plugin has committed: each takes effect once.
CREATE TABLE crm_plugin_consumed (
  tenant_id {text} NOT NULL,
  plugin {text} NOT NULL,
  event_id {id} NOT NULL,
  at {time} NOT NULL,
  PRIMARY KEY (tenant_id, plugin, event_id)
);

-- What plugins keep for themselves.
CREATE TABLE crm_plugin_kv (
  tenant_id {text} NOT NULL,
  plugin {text} NOT NULL,
  key {text} NOT NULL,
  value {bytes} NOT NULL,
  updated_at {time} NOT NULL,
  PRIMARY KEY (tenant_id, plugin, key)
);

-- How many events a plugin has emitted about a record: the version of its next one.
CREATE TABLE crm_plugin_stream (
  tenant_id {text} NOT NULL,
  plugin {text} NOT NULL,
  record_id {id} NOT NULL,
  version {int} NOT NULL,
  PRIMARY KEY (tenant_id, plugin, record_id)
);
