-- Everything subjects said about being contacted. Append-only; evidence is sealed by the subject's key.
CREATE TABLE crm_consent (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  subject_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  covers TEXT,
  state TEXT NOT NULL,
  purpose TEXT NOT NULL,
  channel TEXT NOT NULL,
  basis TEXT,
  notice TEXT,
  notice_hash TEXT,
  act TEXT,
  evidence BLOB,
  at INTEGER NOT NULL,
  until_at INTEGER,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_consent_subject ON crm_consent (tenant_id, subject_id, purpose, id);

-- One row for each subject that was asked or written to: its lock, and the order of what it said.
CREATE TABLE crm_consent_head (
  tenant_id TEXT NOT NULL,
  subject_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, subject_id)
) WITHOUT ROWID;

-- Addresses nobody may write to, as keyed digests. They name no customer and outlive all of them.
CREATE TABLE crm_suppression (
  tenant_id TEXT NOT NULL,
  channel TEXT NOT NULL,
  digest BLOB NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  cause TEXT NOT NULL,
  since INTEGER NOT NULL,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, channel, digest)
) WITHOUT ROWID;
CREATE UNIQUE INDEX crm_suppression_id ON crm_suppression (tenant_id, id);

-- What became of each message, by the key under which it is delivered at most once.
CREATE TABLE crm_send (
  tenant_id TEXT NOT NULL,
  key TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  subject_id BLOB NOT NULL,
  purpose TEXT NOT NULL,
  channel TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  basis TEXT,
  evidence TEXT,
  decision_id BLOB NOT NULL,
  decided_at INTEGER NOT NULL,
  lease_until INTEGER,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX crm_send_id ON crm_send (tenant_id, id);

-- Every decision of the send gate, with the records it rests on. Append-only.
CREATE TABLE crm_decision (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  subject_id BLOB NOT NULL,
  purpose TEXT NOT NULL,
  channel TEXT NOT NULL,
  reason TEXT NOT NULL,
  basis TEXT,
  evidence TEXT,
  at INTEGER NOT NULL,
  until_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_decision_subject ON crm_decision (tenant_id, subject_id, id);
