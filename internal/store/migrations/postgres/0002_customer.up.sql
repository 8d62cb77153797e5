-- People, organizations and groups. canonical_id names the survivor of a merged customer; search holds the tokens
-- of the names, and of the tenant; tax_id is sealed; freed keeps the external ids of a deleted one.
CREATE TABLE crm_customer (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  kind text COLLATE "C" NOT NULL,
  name text COLLATE "C",
  given text COLLATE "C",
  family text COLLATE "C",
  sort_name text COLLATE "C",
  language text COLLATE "C",
  country text COLLATE "C",
  lifecycle text COLLATE "C" NOT NULL,
  lifecycle_since timestamptz NOT NULL,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  canonical_id uuid,
  custom jsonb,
  tax_id bytea,
  search tsvector,
  freed jsonb,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  deleted_at timestamptz,
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
CREATE INDEX crm_customer_search ON crm_customer USING gin (search) WITH (fastupdate = off);

-- How to reach a customer. The value is sealed; blind finds it. A row with valid_to has ended.
CREATE TABLE crm_contact_point (
  tenant_id text COLLATE "C" NOT NULL,
  customer_id uuid NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  sealed bytea NOT NULL,
  blind bytea NOT NULL,
  label text COLLATE "C",
  is_primary boolean NOT NULL,
  verified boolean NOT NULL,
  invalid boolean NOT NULL,
  valid_from timestamptz NOT NULL,
  valid_to timestamptz,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, customer_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
);
-- Not partial: before there are statistics, a planner takes a partial index for nearly empty and would scan this one.
CREATE INDEX crm_contact_point_blind ON crm_contact_point (tenant_id, blind);
CREATE UNIQUE INDEX crm_contact_point_verified ON crm_contact_point (tenant_id, blind, channel) WHERE verified AND valid_to IS NULL;

-- Ids of customers in other systems.
CREATE TABLE crm_customer_ext (
  tenant_id text COLLATE "C" NOT NULL,
  system text COLLATE "C" NOT NULL,
  ext_id text COLLATE "C" NOT NULL,
  customer_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, system, ext_id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
);
CREATE INDEX crm_customer_ext_customer ON crm_customer_ext (tenant_id, customer_id);

-- Moves through the lifecycle. spent is the time in the stage that was left, in microseconds; the reason is sealed.
CREATE TABLE crm_customer_stage (
  tenant_id text COLLATE "C" NOT NULL,
  customer_id uuid NOT NULL,
  version bigint NOT NULL,
  from_stage text COLLATE "C" NOT NULL,
  to_stage text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  spent bigint NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  reason bytea,
  PRIMARY KEY (tenant_id, customer_id, version),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES crm_customer (tenant_id, id)
);

-- Directed, dated ties between customers, each stored once.
CREATE TABLE crm_relationship (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  from_id uuid NOT NULL,
  to_id uuid NOT NULL,
  role text COLLATE "C",
  department text COLLATE "C",
  title text COLLATE "C",
  since date,
  until date,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, from_id) REFERENCES crm_customer (tenant_id, id),
  FOREIGN KEY (tenant_id, to_id) REFERENCES crm_customer (tenant_id, id)
);
CREATE INDEX crm_relationship_from ON crm_relationship (tenant_id, from_id, id);
CREATE INDEX crm_relationship_to ON crm_relationship (tenant_id, to_id, id);

-- Contacts with customers. Subject and body are sealed under a key of the interaction's own id; parties has everyone
-- in the order given, and never changes.
CREATE TABLE crm_interaction (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  channel text COLLATE "C" NOT NULL,
  direction text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  duration bigint NOT NULL,
  subject bytea,
  body bytea,
  outcome text COLLATE "C",
  parties jsonb NOT NULL,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_interaction_at ON crm_interaction (tenant_id, at, id);

-- Who took part, by customer. No foreign keys: it is the largest table, and the write has checked both ends.
CREATE TABLE crm_interaction_party (
  tenant_id text COLLATE "C" NOT NULL,
  customer_id uuid NOT NULL,
  at timestamptz NOT NULL,
  interaction_id uuid NOT NULL,
  role text COLLATE "C",
  PRIMARY KEY (tenant_id, customer_id, at, interaction_id)
);
