-- Settings of a tenant with the number of their changes, and the number of changes of its custom fields. Whichever
-- comes first makes the row and leaves the other at nothing: NULL and 0.
CREATE TABLE crm_tenant (
  tenant_id TEXT NOT NULL,
  zone TEXT,
  currency TEXT,
  language TEXT,
  settings_version INTEGER,
  schema_version INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id)
) WITHOUT ROWID;

-- One row for each write: who did what to which record, never what it said.
CREATE TABLE crm_audit (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  op TEXT NOT NULL,
  action TEXT NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  changed TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_audit_record ON crm_audit (tenant_id, record_id, version);

-- What happened to records. Append-only; (record_id, version, ordinal) orders the events of a record.
CREATE TABLE crm_event (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  at INTEGER NOT NULL,
  changed TEXT,
  refs TEXT,
  facts TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX crm_event_record ON crm_event (tenant_id, record_id, version, ordinal);

-- One row for each write whose events are not handed out yet.
CREATE TABLE crm_dispatch (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_dispatch_record ON crm_dispatch (tenant_id, record_id, version);

-- One row for each event and consumer, and for each timer, until it is done.
CREATE TABLE crm_delivery (
  tenant_id TEXT NOT NULL,
  consumer TEXT NOT NULL,
  event_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  order_key BLOB NOT NULL,
  version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  lease_until INTEGER,
  lease_id BLOB,
  state TEXT NOT NULL,
  timer_key TEXT NOT NULL,
  last_error TEXT NOT NULL,
  PRIMARY KEY (tenant_id, consumer, event_id)
) WITHOUT ROWID;
CREATE INDEX crm_delivery_order ON crm_delivery (tenant_id, consumer, order_key, version, ordinal);
CREATE INDEX crm_delivery_due ON crm_delivery (tenant_id, state, consumer, due_at);

-- Results of writes under an idempotency key. record_id is NULL while the write is under way.
CREATE TABLE crm_once (
  tenant_id TEXT NOT NULL,
  key TEXT NOT NULL,
  op TEXT NOT NULL,
  digest BLOB NOT NULL,
  entity TEXT,
  record_id BLOB,
  at INTEGER,
  PRIMARY KEY (tenant_id, key)
) WITHOUT ROWID;

-- The newest events of a customer, over everything that concerns it.
CREATE TABLE crm_timeline (
  tenant_id TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  at INTEGER NOT NULL,
  event_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  owner_user TEXT,
  owner_team TEXT,
  PRIMARY KEY (tenant_id, customer_id, at, event_id)
) WITHOUT ROWID;
CREATE INDEX crm_timeline_record ON crm_timeline (tenant_id, record_id);

-- Who saw a record's sensitive fields, and why.
CREATE TABLE crm_access (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  entity TEXT NOT NULL,
  record_id BLOB NOT NULL,
  fields TEXT NOT NULL,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_access_record ON crm_access (tenant_id, record_id, id);

-- Claims of exclusive resources, and who has each key.
CREATE TABLE crm_claim (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  holder_entity TEXT,
  holder_id BLOB,
  state TEXT NOT NULL,
  until_at INTEGER,
  keys TEXT NOT NULL,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;

CREATE TABLE crm_claim_key (
  tenant_id TEXT NOT NULL,
  namespace TEXT NOT NULL,
  key TEXT NOT NULL,
  claim_id BLOB NOT NULL,
  until_at INTEGER,
  PRIMARY KEY (tenant_id, namespace, key),
  FOREIGN KEY (tenant_id, claim_id) REFERENCES crm_claim (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_claim_key_claim ON crm_claim_key (tenant_id, claim_id);

-- Custom fields, and sort keys of the sortable ones: one order for every type, compared byte by byte.
CREATE TABLE crm_field (
  tenant_id TEXT NOT NULL,
  entity TEXT NOT NULL,
  key TEXT NOT NULL,
  type TEXT NOT NULL,
  label TEXT,
  class TEXT NOT NULL,
  enum TEXT,
  max_len INTEGER NOT NULL,
  sortable INTEGER NOT NULL,
  required INTEGER NOT NULL,
  retired INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, entity, key)
) WITHOUT ROWID;

CREATE TABLE crm_field_index (
  tenant_id TEXT NOT NULL,
  entity TEXT NOT NULL,
  field TEXT NOT NULL,
  record_id BLOB NOT NULL,
  sort_key BLOB NOT NULL,
  PRIMARY KEY (tenant_id, entity, field, record_id)
) WITHOUT ROWID;
CREATE INDEX crm_field_index_order ON crm_field_index (tenant_id, entity, field, sort_key, record_id);

-- Keys of data subjects, wrapped by their tenant's key. Losing a row makes the subject's sealed data unreadable.
CREATE TABLE crm_subject_key (
  tenant_id TEXT NOT NULL,
  subject_id BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  wrapped BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, subject_id)
) WITHOUT ROWID;
