-- Which plugin was shown which fields of whom, when and why. Append-only; names of fields, never values.
CREATE TABLE crm_disclosure (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  plugin text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  fields jsonb,
  cause uuid NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_disclosure_record ON crm_disclosure (tenant_id, record_id, id);

-- The events and actions whose effects a plugin has committed: each takes effect once.
CREATE TABLE crm_plugin_consumed (
  tenant_id text COLLATE "C" NOT NULL,
  plugin text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, plugin, event_id)
);

-- What plugins keep for themselves.
CREATE TABLE crm_plugin_kv (
  tenant_id text COLLATE "C" NOT NULL,
  plugin text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  value bytea NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, plugin, key)
);

-- How many events a plugin has emitted about a record: the version of its next one.
CREATE TABLE crm_plugin_stream (
  tenant_id text COLLATE "C" NOT NULL,
  plugin text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  version bigint NOT NULL,
  PRIMARY KEY (tenant_id, plugin, record_id)
);
