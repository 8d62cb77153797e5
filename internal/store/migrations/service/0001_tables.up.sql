-- What customers want settled. Subject and body are sealed under the customer's key; targets are in microseconds.
CREATE TABLE crm_case (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  customer_id {id} NOT NULL,
  type {text} NOT NULL,
  priority {text} NOT NULL,
  subject {bytes},
  body {bytes},
  state {text} NOT NULL,
  state_since {time} NOT NULL,
  escalation {int} NOT NULL,
  reopens {int} NOT NULL,
  closed_at {time},
  sla_policy {text} NOT NULL,
  first_response_due {time} NOT NULL,
  first_responded_at {time},
  first_response_warned_at {time},
  first_response_breached_at {time},
  resolution_due {time} NOT NULL,
  resolved_at {time},
  resolution_warned_at {time},
  resolution_breached_at {time},
  paused_at {time},
  first_response_target {int} NOT NULL,
  resolution_target {int} NOT NULL,
  custom {json},
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, id)
);
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
  tenant_id {text} NOT NULL,
  case_id {id} NOT NULL,
  version {int} NOT NULL,
  ordinal {int} NOT NULL,
  id {id} NOT NULL,
  at {time} NOT NULL,
  kind {text} NOT NULL,
  from_value {text},
  to_value {text},
  clock {text},
  due {time},
  note {bytes},
  actor_kind {text} NOT NULL,
  actor_id {text} NOT NULL,
  PRIMARY KEY (tenant_id, case_id, version, ordinal),
  FOREIGN KEY (tenant_id, case_id) REFERENCES crm_case (tenant_id, id)
);
