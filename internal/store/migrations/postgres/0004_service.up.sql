-- What customers want settled. Subject and body are sealed under the customer's key; targets are in microseconds.
CREATE TABLE crm_case (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  customer_id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  priority text COLLATE "C" NOT NULL,
  subject bytea,
  body bytea,
  state text COLLATE "C" NOT NULL,
  state_since timestamptz NOT NULL,
  escalation bigint NOT NULL,
  reopens bigint NOT NULL,
  closed_at timestamptz,
  sla_policy text COLLATE "C" NOT NULL,
  first_response_due timestamptz NOT NULL,
  first_responded_at timestamptz,
  first_response_warned_at timestamptz,
  first_response_breached_at timestamptz,
  resolution_due timestamptz NOT NULL,
  resolved_at timestamptz,
  resolution_warned_at timestamptz,
  resolution_breached_at timestamptz,
  paused_at timestamptz,
  first_response_target bigint NOT NULL,
  resolution_target bigint NOT NULL,
  custom jsonb,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
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
  tenant_id text COLLATE "C" NOT NULL,
  case_id uuid NOT NULL,
  version bigint NOT NULL,
  ordinal bigint NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  kind text COLLATE "C" NOT NULL,
  from_value text COLLATE "C",
  to_value text COLLATE "C",
  clock text COLLATE "C",
  due timestamptz,
  note bytea,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, case_id, version, ordinal),
  FOREIGN KEY (tenant_id, case_id) REFERENCES crm_case (tenant_id, id)
);
