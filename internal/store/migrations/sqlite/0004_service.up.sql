-- What customers want settled. Subject and body are sealed under the customer's key; targets are in microseconds.
CREATE TABLE crm_case (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  customer_id BLOB NOT NULL,
  type TEXT NOT NULL,
  priority TEXT NOT NULL,
  subject BLOB,
  body BLOB,
  state TEXT NOT NULL,
  state_since INTEGER NOT NULL,
  escalation INTEGER NOT NULL,
  reopens INTEGER NOT NULL,
  closed_at INTEGER,
  sla_policy TEXT NOT NULL,
  first_response_due INTEGER NOT NULL,
  first_responded_at INTEGER,
  first_response_warned_at INTEGER,
  first_response_breached_at INTEGER,
  resolution_due INTEGER NOT NULL,
  resolved_at INTEGER,
  resolution_warned_at INTEGER,
  resolution_breached_at INTEGER,
  paused_at INTEGER,
  first_response_target INTEGER NOT NULL,
  resolution_target INTEGER NOT NULL,
  custom TEXT,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_case_customer ON crm_case (tenant_id, customer_id, id);
CREATE INDEX crm_case_state ON crm_case (tenant_id, state, resolution_due, id);
CREATE INDEX crm_case_created ON crm_case (tenant_id, created_at, id);
CREATE INDEX crm_case_updated ON crm_case (tenant_id, updated_at, id);
CREATE INDEX crm_case_since ON crm_case (tenant_id, state_since, id);
CREATE INDEX crm_case_escalation ON crm_case (tenant_id, escalation, id);
CREATE INDEX crm_case_response ON crm_case (tenant_id, first_response_due, id);
CREATE INDEX crm_case_resolution ON crm_case (tenant_id, resolution_due, id);
CREATE INDEX crm_case_owner_user ON crm_case (tenant_id, owner_user, id);
CREATE INDEX crm_case_owner_team ON crm_case (tenant_id, owner_team, id);

-- What happened to a case and its clocks. Append-only; notes are sealed.
CREATE TABLE crm_case_entry (
  tenant_id TEXT NOT NULL,
  case_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  from_value TEXT,
  to_value TEXT,
  clock TEXT,
  due INTEGER,
  note BLOB,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, case_id, version, ordinal),
  FOREIGN KEY (tenant_id, case_id) REFERENCES crm_case (tenant_id, id)
) WITHOUT ROWID;
