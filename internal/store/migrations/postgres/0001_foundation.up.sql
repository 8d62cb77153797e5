-- Settings of a tenant with the number of their changes, and the number of changes of its custom fields. Whichever
-- comes first makes the row and leaves the other at nothing: NULL and 0.
CREATE TABLE crm_tenant (
  tenant_id text COLLATE "C" NOT NULL,
  zone text COLLATE "C",
  currency text COLLATE "C",
  language text COLLATE "C",
  settings_version bigint,
  schema_version bigint NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id)
);

-- One row for each write: who did what to which record, never what it said.
CREATE TABLE crm_audit (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  op text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  version bigint NOT NULL,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  changed jsonb,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_audit_record ON crm_audit (tenant_id, record_id, version);

-- What happened to records. Append-only; (record_id, version, ordinal) orders the events of a record.
CREATE TABLE crm_event (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  version bigint NOT NULL,
  ordinal integer NOT NULL,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  changed jsonb,
  refs jsonb,
  facts jsonb,
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX crm_event_record ON crm_event (tenant_id, record_id, version, ordinal);

-- One row for each write whose events are not handed out yet.
CREATE TABLE crm_dispatch (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  version bigint NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_dispatch_record ON crm_dispatch (tenant_id, record_id, version);

-- One row for each event and consumer, and for each timer, until it is done.
CREATE TABLE crm_delivery (
  tenant_id text COLLATE "C" NOT NULL,
  consumer text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  order_key uuid NOT NULL,
  version bigint NOT NULL,
  ordinal integer NOT NULL,
  due_at timestamptz NOT NULL,
  attempts integer NOT NULL,
  lease_until timestamptz,
  lease_id uuid,
  state text COLLATE "C" NOT NULL,
  timer_key text COLLATE "C" NOT NULL,
  last_error text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, consumer, event_id)
);
CREATE INDEX crm_delivery_order ON crm_delivery (tenant_id, consumer, order_key, version, ordinal);
CREATE INDEX crm_delivery_due ON crm_delivery (tenant_id, state, consumer, due_at);

-- Results of writes under an idempotency key. record_id is NULL while the write is under way.
CREATE TABLE crm_once (
  tenant_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  op text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  entity text COLLATE "C",
  record_id uuid,
  at timestamptz,
  PRIMARY KEY (tenant_id, key)
);

-- The newest events of a customer, over everything that concerns it.
CREATE TABLE crm_timeline (
  tenant_id text COLLATE "C" NOT NULL,
  customer_id uuid NOT NULL,
  at timestamptz NOT NULL,
  event_id uuid NOT NULL,
  kind text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  PRIMARY KEY (tenant_id, customer_id, at, event_id)
);
CREATE INDEX crm_timeline_record ON crm_timeline (tenant_id, record_id);

-- Who saw a record's sensitive fields, and why.
CREATE TABLE crm_access (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  fields jsonb NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_access_record ON crm_access (tenant_id, record_id, id);

-- Claims of exclusive resources, and who has each key.
CREATE TABLE crm_claim (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  holder_entity text COLLATE "C",
  holder_id uuid,
  state text COLLATE "C" NOT NULL,
  until_at timestamptz,
  keys jsonb NOT NULL,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE crm_claim_key (
  tenant_id text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  claim_id uuid NOT NULL,
  until_at timestamptz,
  PRIMARY KEY (tenant_id, namespace, key),
  FOREIGN KEY (tenant_id, claim_id) REFERENCES crm_claim (tenant_id, id)
);
CREATE INDEX crm_claim_key_claim ON crm_claim_key (tenant_id, claim_id);

-- Custom fields, and sort keys of the sortable ones: one order for every type, compared byte by byte.
CREATE TABLE crm_field (
  tenant_id text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  label text COLLATE "C",
  class text COLLATE "C" NOT NULL,
  enum jsonb,
  max_len integer NOT NULL,
  sortable boolean NOT NULL,
  required boolean NOT NULL,
  retired boolean NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, entity, key)
);

CREATE TABLE crm_field_index (
  tenant_id text COLLATE "C" NOT NULL,
  entity text COLLATE "C" NOT NULL,
  field text COLLATE "C" NOT NULL,
  record_id uuid NOT NULL,
  sort_key bytea NOT NULL,
  PRIMARY KEY (tenant_id, entity, field, record_id)
);
CREATE INDEX crm_field_index_order ON crm_field_index (tenant_id, entity, field, sort_key, record_id);

-- Keys of data subjects, wrapped by their tenant's key. Losing a row makes the subject's sealed data unreadable.
CREATE TABLE crm_subject_key (
  tenant_id text COLLATE "C" NOT NULL,
  subject_id uuid NOT NULL,
  epoch bigint NOT NULL,
  wrapped bytea NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, subject_id)
);
