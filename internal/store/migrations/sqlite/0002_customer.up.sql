-- People, organizations and groups. canonical_id names the survivor of a merged customer; search holds the tokens
-- of the names, and of the tenant: here it is their row in crm_customer_fts. tax_id is sealed;
-- freed keeps the external ids of a deleted one.
CREATE TABLE crm_customer (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT,
  given TEXT,
  family TEXT,
  sort_name TEXT,
  language TEXT,
  country TEXT,
  lifecycle TEXT NOT NULL,
  lifecycle_since INTEGER NOT NULL,
  owner_user TEXT,
  owner_team TEXT,
  canonical_id BLOB,
  custom TEXT,
  tax_id BLOB,
  search INTEGER,
  freed TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  deleted_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_customer_name ON crm_customer (tenant_id, sort_name, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_updated ON crm_customer (tenant_id, updated_at, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_created ON crm_customer (tenant_id, created_at, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_kind ON crm_customer (tenant_id, kind, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_lifecycle ON crm_customer (tenant_id, lifecycle, id) WHERE deleted_at IS NULL AND canonical_id IS NULL;
CREATE INDEX crm_customer_owner_user ON crm_customer (tenant_id, owner_user, sort_name, id);
CREATE INDEX crm_customer_owner_team ON crm_customer (tenant_id, owner_team, sort_name, id);
CREATE INDEX crm_customer_canonical ON crm_customer (tenant_id, canonical_id) WHERE canonical_id IS NOT NULL;
CREATE UNIQUE INDEX crm_customer_search ON crm_customer (tenant_id, search);

-- Tokens made in Go, one document a customer. The store writes it; the tokenizer only splits at spaces.
CREATE VIRTUAL TABLE crm_customer_fts USING fts5 (tokens, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

-- How to reach a customer. The value is sealed; blind finds it. A row with valid_to has ended.
CREATE TABLE crm_contact_point (
  tenant_id TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  channel TEXT NOT NULL,
  sealed BLOB NOT NULL,
  blind BLOB NOT NULL,
  label TEXT,
  is_primary INTEGER NOT NULL,
  verified INTEGER NOT NULL,
  invalid INTEGER NOT NULL,
  valid_from INTEGER NOT NULL,
  valid_to INTEGER,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, customer_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
) WITHOUT ROWID;
-- Not partial: before there are statistics, a planner takes a partial index for nearly empty and would scan this one.
CREATE INDEX crm_contact_point_blind ON crm_contact_point (tenant_id, blind);
CREATE UNIQUE INDEX crm_contact_point_verified ON crm_contact_point (tenant_id, blind, channel) WHERE verified AND valid_to IS NULL;

-- Ids of customers in other systems.
CREATE TABLE crm_customer_ext (
  tenant_id TEXT NOT NULL,
  system TEXT NOT NULL,
  ext_id TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, system, ext_id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_customer_ext_customer ON crm_customer_ext (tenant_id, customer_id);

-- Moves through the lifecycle. spent is the time in the stage that was left, in microseconds; the reason is sealed.
CREATE TABLE crm_customer_stage (
  tenant_id TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  from_stage TEXT NOT NULL,
  to_stage TEXT NOT NULL,
  at INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  actor_id TEXT NOT NULL,
  reason BLOB,
  PRIMARY KEY (tenant_id, customer_id, version),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
) WITHOUT ROWID;

-- Directed, dated ties between customers, each stored once.
CREATE TABLE crm_relationship (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  type TEXT NOT NULL,
  from_id BLOB NOT NULL,
  to_id BLOB NOT NULL,
  role TEXT,
  department TEXT,
  title TEXT,
  since INTEGER,
  until INTEGER,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, from_id) REFERENCES crm_customer (tenant_id, id),
  FOREIGN KEY (tenant_id, to_id) REFERENCES crm_customer (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_relationship_from ON crm_relationship (tenant_id, from_id, id);
CREATE INDEX crm_relationship_to ON crm_relationship (tenant_id, to_id, id);

-- Contacts with customers. Subject and body are sealed under a key of the interaction's own id; parties has everyone
-- in the order given, and never changes.
CREATE TABLE crm_interaction (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  channel TEXT NOT NULL,
  direction TEXT NOT NULL,
  at INTEGER NOT NULL,
  duration INTEGER NOT NULL,
  subject BLOB,
  body BLOB,
  outcome TEXT,
  parties TEXT NOT NULL,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_interaction_at ON crm_interaction (tenant_id, at, id);

-- Who took part, by customer. No foreign keys: it is the largest table, and the write has checked both ends.
CREATE TABLE crm_interaction_party (
  tenant_id TEXT NOT NULL,
  customer_id BLOB NOT NULL,
  at INTEGER NOT NULL,
  interaction_id BLOB NOT NULL,
  role TEXT,
  PRIMARY KEY (tenant_id, customer_id, at, interaction_id)
) WITHOUT ROWID;
