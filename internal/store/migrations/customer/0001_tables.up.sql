-- People, organizations and groups. canonical_id names the survivor of a merged customer; search holds the tokens
-- of the names, and of the tenant; on SQLite it is the row of crm_customer_fts. tax_id is sealed;
-- freed keeps the external ids of a deleted one.
CREATE TABLE crm_customer (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  kind {text} NOT NULL,
  name {text},
  given {text},
  family {text},
  sort_name {text},
  language {text},
  country {text},
  lifecycle {text} NOT NULL,
  lifecycle_since {time} NOT NULL,
  owner_user {text},
  owner_team {text},
  canonical_id {id},
  custom {json},
  tax_id {bytes},
  search {search},
  freed {json},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  deleted_at {time},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_customer_name ON crm_customer (tenant_id, sort_name, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_updated ON crm_customer (tenant_id, updated_at, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_created ON crm_customer (tenant_id, created_at, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_kind ON crm_customer (tenant_id, kind, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_lifecycle ON crm_customer (tenant_id, lifecycle, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_owner_user ON crm_customer (tenant_id, owner_user, sort_name, id);
CREATE INDEX crm_customer_owner_team ON crm_customer (tenant_id, owner_team, sort_name, id);
CREATE INDEX crm_customer_canonical ON crm_customer (tenant_id, canonical_id) WHERE canonical_id IS NOT NULL;
{postgres} CREATE INDEX crm_customer_search ON crm_customer USING gin (search) WITH (fastupdate = off);
{sqlite} CREATE UNIQUE INDEX crm_customer_search ON crm_customer (tenant_id, search);
-- Tokens made in Go, one document a customer. The store writes it; the tokenizer only splits at spaces.
{sqlite} CREATE VIRTUAL TABLE crm_customer_fts USING fts5 (tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- How to reach a customer. The value is sealed; blind finds it. A row with valid_to has ended.
CREATE TABLE crm_contact_point (
  tenant_id {text} NOT NULL,
  customer_id {id} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  channel {text} NOT NULL,
  sealed {bytes} NOT NULL,
  blind {bytes} NOT NULL,
  label {text},
  is_primary {bool} NOT NULL,
  verified {bool} NOT NULL,
  invalid {bool} NOT NULL,
  valid_from {time} NOT NULL,
  valid_to {time},
  created_at {time} NOT NULL,
  PRIMARY KEY (tenant_id, customer_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
);
-- Not partial: before there are statistics, a planner takes a partial index for nearly empty and would scan this one.
CREATE INDEX crm_contact_point_blind ON crm_contact_point (tenant_id, blind);
CREATE UNIQUE INDEX crm_contact_point_verified ON crm_contact_point (tenant_id, blind, channel) WHERE verified AND valid_to IS NULL;

-- Ids of customers in other systems.
CREATE TABLE crm_customer_ext (
  tenant_id {text} NOT NULL,
  system {text} NOT NULL,
  ext_id {text} NOT NULL,
  customer_id {id} NOT NULL,
  created_at {time} NOT NULL,
  PRIMARY KEY (tenant_id, system, ext_id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
);
CREATE INDEX crm_customer_ext_customer ON crm_customer_ext (tenant_id, customer_id);

-- Moves through the lifecycle. spent is the time in the stage that was left, in microseconds; the reason is sealed.
CREATE TABLE crm_customer_stage (
  tenant_id {text} NOT NULL,
  customer_id {id} NOT NULL,
  version {int} NOT NULL,
  from_stage {text} NOT NULL,
  to_stage {text} NOT NULL,
  at {time} NOT NULL,
  spent {int} NOT NULL,
  actor_id {text} NOT NULL,
  reason {bytes},
  PRIMARY KEY (tenant_id, customer_id, version),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
);

-- Directed, dated ties between customers, each stored once.
CREATE TABLE crm_relationship (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  type {text} NOT NULL,
  from_id {id} NOT NULL,
  to_id {id} NOT NULL,
  role {text},
  department {text},
  title {text},
  since {date},
  until {date},
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, from_id) REFERENCES crm_customer (tenant_id, id),
  FOREIGN KEY (tenant_id, to_id) REFERENCES crm_customer (tenant_id, id)
);
CREATE INDEX crm_relationship_from ON crm_relationship (tenant_id, from_id, id);
CREATE INDEX crm_relationship_to ON crm_relationship (tenant_id, to_id, id);

-- Contacts with customers. Subject and body are sealed under a key of the interaction's own id; parties has everyone
-- in the order given, and never changes.
CREATE TABLE crm_interaction (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  channel {text} NOT NULL,
  direction {text} NOT NULL,
  at {time} NOT NULL,
  duration {int} NOT NULL,
  subject {bytes},
  body {bytes},
  outcome {text},
  parties {json} NOT NULL,
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_interaction_at ON crm_interaction (tenant_id, at, id);

-- Who took part, by customer. No foreign keys: it is the largest table, and the write has checked both ends.
CREATE TABLE crm_interaction_party (
  tenant_id {text} NOT NULL,
  customer_id {id} NOT NULL,
  at {time} NOT NULL,
  interaction_id {id} NOT NULL,
  role {text},
  PRIMARY KEY (tenant_id, customer_id, at, interaction_id)
);

-- Records of the kinds that tenants define. kind is the kind's name, such as object.boat.
CREATE TABLE crm_object (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  kind {text} NOT NULL,
  name {text} NOT NULL,
  customer_id {id},
  custom {json},
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  deleted_at {time},
  PRIMARY KEY (tenant_id, id)
);
-- Not partial: before there are statistics, a planner takes a partial index for nearly empty, and finds a record by id in it.
CREATE INDEX crm_object_kind_id ON crm_object (tenant_id, kind, id);
CREATE INDEX crm_object_name ON crm_object (tenant_id, kind, name, id);
CREATE INDEX crm_object_created ON crm_object (tenant_id, kind, created_at, id);
CREATE INDEX crm_object_updated ON crm_object (tenant_id, kind, updated_at, id);
CREATE INDEX crm_object_owner_user ON crm_object (tenant_id, owner_user, kind, id);
CREATE INDEX crm_object_owner_team ON crm_object (tenant_id, owner_team, kind, id);
CREATE INDEX crm_object_customer ON crm_object (tenant_id, customer_id, kind, id);
