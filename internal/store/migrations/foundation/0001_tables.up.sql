-- Settings of a tenant with the number of their changes, and the number of changes of its custom fields. Whichever
-- comes first makes the row and leaves the other at nothing: NULL and 0.
CREATE TABLE crm_tenant (
  tenant_id {text} NOT NULL,
  zone {text},
  currency {text},
  language {text},
  settings_version {int},
  schema_version {int} NOT NULL,
  updated_at {time} NOT NULL,
  PRIMARY KEY (tenant_id)
);

-- One row for each write: who did what to which record, never what it said.
CREATE TABLE crm_audit (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  at {time} NOT NULL,
  op {text} NOT NULL,
  action {text} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  version {int} NOT NULL,
  actor_kind {text} NOT NULL,
  actor_id {text} NOT NULL,
  purpose {text} NOT NULL,
  source_system {text},
  source_ref {text},
  changed {json},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_audit_record ON crm_audit (tenant_id, record_id, version);

-- What happened to records. Append-only; (record_id, version, ordinal) orders the events of a record.
CREATE TABLE crm_event (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  kind {text} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  version {int} NOT NULL,
  ordinal {int32} NOT NULL,
  actor_kind {text} NOT NULL,
  actor_id {text} NOT NULL,
  purpose {text} NOT NULL,
  at {time} NOT NULL,
  changed {json},
  refs {json},
  facts {json},
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX crm_event_record ON crm_event (tenant_id, record_id, version, ordinal);

-- One row for each write whose events are not handed out yet.
CREATE TABLE crm_dispatch (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  version {int} NOT NULL,
  at {time} NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_dispatch_record ON crm_dispatch (tenant_id, record_id, version);

-- One row for each event and consumer, and for each timer, until it is done.
CREATE TABLE crm_delivery (
  tenant_id {text} NOT NULL,
  consumer {text} NOT NULL,
  event_id {id} NOT NULL,
  kind {text} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  order_key {id} NOT NULL,
  version {int} NOT NULL,
  ordinal {int32} NOT NULL,
  due_at {time} NOT NULL,
  attempts {int32} NOT NULL,
  lease_until {time},
  lease_id {id},
  state {text} NOT NULL,
  timer_key {text} NOT NULL,
  last_error {text} NOT NULL,
  PRIMARY KEY (tenant_id, consumer, event_id)
);
CREATE INDEX crm_delivery_order ON crm_delivery (tenant_id, consumer, order_key, version, ordinal);
CREATE INDEX crm_delivery_due ON crm_delivery (tenant_id, state, consumer, due_at);

-- Results of writes under an idempotency key. record_id is NULL while the write is under way.
CREATE TABLE crm_once (
  tenant_id {text} NOT NULL,
  key {text} NOT NULL,
  op {text} NOT NULL,
  digest {bytes} NOT NULL,
  entity {text},
  record_id {id},
  at {time},
  PRIMARY KEY (tenant_id, key)
);

-- The newest events of a customer, over everything that concerns it.
CREATE TABLE crm_timeline (
  tenant_id {text} NOT NULL,
  customer_id {id} NOT NULL,
  at {time} NOT NULL,
  event_id {id} NOT NULL,
  kind {text} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  owner_user {text},
  owner_team {text},
  PRIMARY KEY (tenant_id, customer_id, at, event_id)
);
CREATE INDEX crm_timeline_record ON crm_timeline (tenant_id, record_id);

-- Who saw a record's sensitive fields, and why.
CREATE TABLE crm_access (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  at {time} NOT NULL,
  actor_kind {text} NOT NULL,
  actor_id {text} NOT NULL,
  purpose {text} NOT NULL,
  entity {text} NOT NULL,
  record_id {id} NOT NULL,
  fields {json} NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_access_record ON crm_access (tenant_id, record_id, id);

-- Claims of exclusive resources, and who has each key.
CREATE TABLE crm_claim (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  holder_entity {text},
  holder_id {id},
  state {text} NOT NULL,
  until_at {time},
  keys {json} NOT NULL,
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE crm_claim_key (
  tenant_id {text} NOT NULL,
  namespace {text} NOT NULL,
  key {text} NOT NULL,
  claim_id {id} NOT NULL,
  until_at {time},
  PRIMARY KEY (tenant_id, namespace, key),
  FOREIGN KEY (tenant_id, claim_id) REFERENCES crm_claim (tenant_id, id)
);
CREATE INDEX crm_claim_key_claim ON crm_claim_key (tenant_id, claim_id);

-- Custom fields, and sort keys of the sortable ones: one order for every type, compared byte by byte.
CREATE TABLE crm_field (
  tenant_id {text} NOT NULL,
  entity {text} NOT NULL,
  key {text} NOT NULL,
  type {text} NOT NULL,
  label {text},
  class {text} NOT NULL,
  enum {json},
  max_len {int32} NOT NULL,
  sortable {bool} NOT NULL,
  required {bool} NOT NULL,
  retired {bool} NOT NULL,
  updated_at {time} NOT NULL,
  PRIMARY KEY (tenant_id, entity, key)
);

-- Kinds of records that tenants define. Their records are in crm_object.
CREATE TABLE crm_object_kind (
  tenant_id {text} NOT NULL,
  key {text} NOT NULL,
  label {text},
  plural {text},
  retired {bool} NOT NULL,
  updated_at {time} NOT NULL,
  PRIMARY KEY (tenant_id, key)
);

CREATE TABLE crm_field_index (
  tenant_id {text} NOT NULL,
  entity {text} NOT NULL,
  field {text} NOT NULL,
  record_id {id} NOT NULL,
  sort_key {bytes} NOT NULL,
  PRIMARY KEY (tenant_id, entity, field, record_id)
);
CREATE INDEX crm_field_index_order ON crm_field_index (tenant_id, entity, field, sort_key, record_id);

-- The words of records that lists can be searched by. Customers have an index of their own.
CREATE TABLE crm_word (
  tenant_id {text} NOT NULL,
  entity {text} NOT NULL,
  word {text} NOT NULL,
  record_id {id} NOT NULL,
  PRIMARY KEY (tenant_id, entity, word, record_id)
);
CREATE INDEX crm_word_record ON crm_word (tenant_id, record_id);

-- Keys of data subjects, wrapped by their tenant's key. Losing a row makes the subject's sealed data unreadable.
CREATE TABLE crm_subject_key (
  tenant_id {text} NOT NULL,
  subject_id {id} NOT NULL,
  epoch {int} NOT NULL,
  wrapped {bytes} NOT NULL,
  created_at {time} NOT NULL,
  PRIMARY KEY (tenant_id, subject_id)
);
