-- The newest version of each pipeline.
CREATE TABLE crm_pipeline (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  key TEXT NOT NULL,
  name TEXT NOT NULL,
  stages TEXT NOT NULL,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX crm_pipeline_key ON crm_pipeline (tenant_id, key);

-- Every version of each pipeline. Append-only: opportunities pin a version.
CREATE TABLE crm_pipeline_version (
  tenant_id TEXT NOT NULL,
  pipeline_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  stages TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (tenant_id, pipeline_id, version),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES crm_pipeline (tenant_id, id)
) WITHOUT ROWID;

-- Records of qualifying an interest. They point at a customer and say nothing about it.
CREATE TABLE crm_lead (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  customer_id BLOB,
  state TEXT NOT NULL,
  origin TEXT,
  campaign TEXT,
  score INTEGER NOT NULL,
  reason TEXT,
  opportunity_id BLOB,
  state_since INTEGER NOT NULL,
  converted_at INTEGER,
  custom TEXT,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  deleted_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE INDEX crm_lead_customer ON crm_lead (tenant_id, customer_id, id);
CREATE INDEX crm_lead_state ON crm_lead (tenant_id, state, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_lead_created ON crm_lead (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_lead_updated ON crm_lead (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_lead_since ON crm_lead (tenant_id, state_since, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_lead_score ON crm_lead (tenant_id, score, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_lead_owner_user ON crm_lead (tenant_id, owner_user, id);
CREATE INDEX crm_lead_owner_team ON crm_lead (tenant_id, owner_team, id);

-- States a lead has entered. spent is the time in the state that was left, in microseconds.
CREATE TABLE crm_lead_move (
  tenant_id TEXT NOT NULL,
  lead_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  from_state TEXT,
  to_state TEXT NOT NULL,
  at INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  reason TEXT,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, lead_id, version),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES crm_lead (tenant_id, id)
) WITHOUT ROWID;

-- Chances of an order. Probabilities are in basis points; booked is the amount when it was won.
CREATE TABLE crm_opportunity (
  tenant_id TEXT NOT NULL,
  id BLOB NOT NULL,
  version INTEGER NOT NULL,
  customer_id BLOB NOT NULL,
  name TEXT,
  amount_minor INTEGER,
  amount_currency TEXT,
  close_date INTEGER,
  product TEXT,
  pipeline TEXT NOT NULL,
  pipeline_version INTEGER NOT NULL,
  stage TEXT NOT NULL,
  category TEXT NOT NULL,
  stage_probability INTEGER NOT NULL,
  probability_override INTEGER,
  probability INTEGER NOT NULL,
  stage_since INTEGER NOT NULL,
  opened_on INTEGER,
  closed_on INTEGER,
  closed_at INTEGER,
  booked_minor INTEGER,
  booked_currency TEXT,
  lost_reason TEXT,
  ext_system TEXT,
  ext_id TEXT,
  custom TEXT,
  owner_user TEXT,
  owner_team TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  source_system TEXT,
  source_ref TEXT,
  deleted_at INTEGER,
  PRIMARY KEY (tenant_id, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX crm_opportunity_ext ON crm_opportunity (tenant_id, ext_system, ext_id) WHERE ext_system IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX crm_opportunity_customer ON crm_opportunity (tenant_id, customer_id, id);
CREATE INDEX crm_opportunity_stage ON crm_opportunity (tenant_id, pipeline, stage, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_close_date ON crm_opportunity (tenant_id, close_date, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_amount ON crm_opportunity (tenant_id, amount_minor, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_created ON crm_opportunity (tenant_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_updated ON crm_opportunity (tenant_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_since ON crm_opportunity (tenant_id, stage_since, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_probability ON crm_opportunity (tenant_id, probability, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_opened_on ON crm_opportunity (tenant_id, opened_on, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_closed_on ON crm_opportunity (tenant_id, closed_on, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_opportunity_owner_user ON crm_opportunity (tenant_id, owner_user, id);
CREATE INDEX crm_opportunity_owner_team ON crm_opportunity (tenant_id, owner_team, id);

-- Stages an opportunity has entered, with what the gates saw. spent is the time in the stage that was left, in
-- microseconds; imported rows are history brought in from elsewhere, of which no gate was asked.
CREATE TABLE crm_opportunity_move (
  tenant_id TEXT NOT NULL,
  opportunity_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  from_stage TEXT,
  to_stage TEXT NOT NULL,
  category TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  pipeline_version INTEGER NOT NULL,
  at INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  reason TEXT,
  imported INTEGER NOT NULL,
  evidence TEXT,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, opportunity_id, version),
  FOREIGN KEY (tenant_id, opportunity_id) REFERENCES crm_opportunity (tenant_id, id)
) WITHOUT ROWID;
