-- Everything subjects said about being contacted. Append-only; evidence is sealed by the subject's key.
CREATE TABLE crm_consent (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  subject_id uuid NOT NULL,
  seq bigint NOT NULL,
  covers jsonb,
  state text COLLATE "C" NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  basis text COLLATE "C",
  notice text COLLATE "C",
  notice_hash text COLLATE "C",
  act text COLLATE "C",
  evidence bytea,
  at timestamptz NOT NULL,
  until_at timestamptz,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_consent_subject ON crm_consent (tenant_id, subject_id, purpose, id);

-- One row for each subject that was asked or written to: its lock, and the order of what it said.
CREATE TABLE crm_consent_head (
  tenant_id text COLLATE "C" NOT NULL,
  subject_id uuid NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (tenant_id, subject_id)
);

-- Addresses nobody may write to, as keyed digests. They name no customer and outlive all of them.
CREATE TABLE crm_suppression (
  tenant_id text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  digest bytea NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  cause text COLLATE "C" NOT NULL,
  since timestamptz NOT NULL,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, channel, digest)
);
CREATE UNIQUE INDEX crm_suppression_id ON crm_suppression (tenant_id, id);

-- What became of each message, by the key under which it is delivered at most once.
CREATE TABLE crm_send (
  tenant_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  subject_id uuid NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  basis text COLLATE "C",
  evidence jsonb,
  decision_id uuid NOT NULL,
  decided_at timestamptz NOT NULL,
  lease_until timestamptz,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, key)
);
CREATE UNIQUE INDEX crm_send_id ON crm_send (tenant_id, id);

-- Every decision of the send gate, with the records it rests on. Append-only.
CREATE TABLE crm_decision (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  subject_id uuid NOT NULL,
  purpose text COLLATE "C" NOT NULL,
  channel text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  basis text COLLATE "C",
  evidence jsonb,
  at timestamptz NOT NULL,
  until_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_decision_subject ON crm_decision (tenant_id, subject_id, id);
