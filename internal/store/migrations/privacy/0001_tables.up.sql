-- Everything subjects said about being contacted. Append-only; evidence is sealed by the subject's key.
CREATE TABLE crm_consent (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  subject_id {id} NOT NULL,
  seq {int} NOT NULL,
  covers {json},
  state {text} NOT NULL,
  purpose {text} NOT NULL,
  channel {text} NOT NULL,
  basis {text},
  notice {text},
  notice_hash {text},
  act {text},
  evidence {bytes},
  at {time} NOT NULL,
  until_at {time},
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_consent_subject ON crm_consent (tenant_id, subject_id, purpose, id);

-- One row for each subject that was asked or written to: its lock, and the order of what it said.
CREATE TABLE crm_consent_head (
  tenant_id {text} NOT NULL,
  subject_id {id} NOT NULL,
  seq {int} NOT NULL,
  PRIMARY KEY (tenant_id, subject_id)
);

-- Addresses nobody may write to, as keyed digests. They name no customer and outlive all of them.
CREATE TABLE crm_suppression (
  tenant_id {text} NOT NULL,
  channel {text} NOT NULL,
  digest {bytes} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  cause {text} NOT NULL,
  since {time} NOT NULL,
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, channel, digest)
);
CREATE UNIQUE INDEX crm_suppression_id ON crm_suppression (tenant_id, id);

-- What became of each message, by the key under which it is delivered at most once.
CREATE TABLE crm_send (
  tenant_id {text} NOT NULL,
  key {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  subject_id {id} NOT NULL,
  purpose {text} NOT NULL,
  channel {text} NOT NULL,
  state {text} NOT NULL,
  reason {text} NOT NULL,
  basis {text},
  evidence {json},
  decision_id {id} NOT NULL,
  decided_at {time} NOT NULL,
  lease_until {time},
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, key)
);
CREATE UNIQUE INDEX crm_send_id ON crm_send (tenant_id, id);

-- Every decision of the send gate, with the records it rests on. Append-only.
CREATE TABLE crm_decision (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  subject_id {id} NOT NULL,
  purpose {text} NOT NULL,
  channel {text} NOT NULL,
  reason {text} NOT NULL,
  basis {text},
  evidence {json},
  at {time} NOT NULL,
  until_at {time},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_decision_subject ON crm_decision (tenant_id, subject_id, id);
