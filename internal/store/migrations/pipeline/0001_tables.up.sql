-- The newest version of each pipeline.
CREATE TABLE crm_pipeline (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  key {text} NOT NULL,
  name {text} NOT NULL,
  stages {json} NOT NULL,
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX crm_pipeline_key ON crm_pipeline (tenant_id, key);

-- Every version of each pipeline. Append-only: opportunities pin a version.
CREATE TABLE crm_pipeline_version (
  tenant_id {text} NOT NULL,
  pipeline_id {id} NOT NULL,
  version {int} NOT NULL,
  name {text} NOT NULL,
  stages {json} NOT NULL,
  created_at {time} NOT NULL,
  created_by {text} NOT NULL,
  PRIMARY KEY (tenant_id, pipeline_id, version),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES crm_pipeline (tenant_id, id)
);

-- Records of qualifying an interest. They point at a customer and say nothing about it.
CREATE TABLE crm_lead (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  customer_id {id},
  state {text} NOT NULL,
  origin {text},
  campaign {text},
  score {int} NOT NULL,
  reason {text},
  opportunity_id {id},
  state_since {time} NOT NULL,
  converted_at {time},
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
  tenant_id {text} NOT NULL,
  lead_id {id} NOT NULL,
  version {int} NOT NULL,
  from_state {text},
  to_state {text} NOT NULL,
  at {time} NOT NULL,
  spent {int} NOT NULL,
  reason {text},
  actor_kind {text} NOT NULL,
  actor_id {text} NOT NULL,
  PRIMARY KEY (tenant_id, lead_id, version),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES crm_lead (tenant_id, id)
);

-- Chances of an order. Probabilities are in basis points; booked is the amount when it was won.
CREATE TABLE crm_opportunity (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  customer_id {id} NOT NULL,
  name {text},
  amount_minor {int},
  amount_currency {text},
  close_date {date},
  product {text},
  pipeline {text} NOT NULL,
  pipeline_version {int} NOT NULL,
  stage {text} NOT NULL,
  category {text} NOT NULL,
  stage_probability {int} NOT NULL,
  probability_override {int},
  probability {int} NOT NULL,
  stage_since {time} NOT NULL,
  opened_on {date},
  closed_on {date},
  closed_at {time},
  booked_minor {int},
  booked_currency {text},
  lost_reason {text},
  ext_system {text},
  ext_id {text},
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
  tenant_id {text} NOT NULL,
  opportunity_id {id} NOT NULL,
  version {int} NOT NULL,
  from_stage {text},
  to_stage {text} NOT NULL,
  category {text} NOT NULL,
  pipeline {text} NOT NULL,
  pipeline_version {int} NOT NULL,
  at {time} NOT NULL,
  spent {int} NOT NULL,
  reason {text},
  imported {bool} NOT NULL,
  evidence {json},
  actor_kind {text} NOT NULL,
  actor_id {text} NOT NULL,
  PRIMARY KEY (tenant_id, opportunity_id, version),
  FOREIGN KEY (tenant_id, opportunity_id) REFERENCES crm_opportunity (tenant_id, id)
);
