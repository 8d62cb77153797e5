-- The newest version of each pipeline.
CREATE TABLE crm_pipeline (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  stages jsonb NOT NULL,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX crm_pipeline_key ON crm_pipeline (tenant_id, key);

-- Every version of each pipeline. Append-only: opportunities pin a version.
CREATE TABLE crm_pipeline_version (
  tenant_id text COLLATE "C" NOT NULL,
  pipeline_id uuid NOT NULL,
  version bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  stages jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, pipeline_id, version),
  FOREIGN KEY (tenant_id, pipeline_id) REFERENCES crm_pipeline (tenant_id, id)
);

-- Records of qualifying an interest. They point at a customer and say nothing about it.
CREATE TABLE crm_lead (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  customer_id uuid,
  state text COLLATE "C" NOT NULL,
  origin text COLLATE "C",
  campaign text COLLATE "C",
  score bigint NOT NULL,
  reason text COLLATE "C",
  opportunity_id uuid,
  state_since timestamptz NOT NULL,
  converted_at timestamptz,
  custom jsonb,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  deleted_at timestamptz,
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
  tenant_id text COLLATE "C" NOT NULL,
  lead_id uuid NOT NULL,
  version bigint NOT NULL,
  from_state text COLLATE "C",
  to_state text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL,
  spent bigint NOT NULL,
  reason text COLLATE "C",
  actor_kind text COLLATE "C" NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, lead_id, version),
  FOREIGN KEY (tenant_id, lead_id) REFERENCES crm_lead (tenant_id, id)
);

-- Chances of an order. Probabilities are in basis points; booked is the amount when it was won.
CREATE TABLE crm_opportunity (
  tenant_id text COLLATE "C" NOT NULL,
  id uuid NOT NULL,
  version bigint NOT NULL,
  customer_id uuid NOT NULL,
  name text COLLATE "C",
  amount_minor bigint,
  amount_currency text COLLATE "C",
  close_date date,
  product text COLLATE "C",
  pipeline text COLLATE "C" NOT NULL,
  pipeline_version bigint NOT NULL,
  stage text COLLATE "C" NOT NULL,
  category text COLLATE "C" NOT NULL,
  stage_probability bigint NOT NULL,
  probability_override bigint,
  probability bigint NOT NULL,
  stage_since timestamptz NOT NULL,
  opened_on date,
  closed_on date,
  closed_at timestamptz,
  booked_minor bigint,
  booked_currency text COLLATE "C",
  lost_reason text COLLATE "C",
  ext_system text COLLATE "C",
  ext_id text COLLATE "C",
  custom jsonb,
  owner_user text COLLATE "C",
  owner_team text COLLATE "C",
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  created_by text COLLATE "C" NOT NULL,
  source_system text COLLATE "C",
  source_ref text COLLATE "C",
  deleted_at timestamptz,
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
  tenant_id text COLLATE "C" NOT NULL,
  opportunity_id uuid NOT NULL,
  version bigint NOT NULL,
  from_stage text COLLATE "C",
  to_stage text COLLATE "C" NOT NULL,
  category text COLLATE "C" NOT NULL,
  pipeline text COLLATE "C" NOT NULL,
  pipeline_version bigint NOT NULL,
  at timestamptz NOT NULL,
  spent bigint NOT NULL,
  reason text COLLATE "C",
  imported boolean NOT NULL,
  evidence jsonb,
  actor_kind text COLLATE "C" NOT NULL,
  actor_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, opportunity_id, version),
  FOREIGN KEY (tenant_id, opportunity_id) REFERENCES crm_opportunity (tenant_id, id)
);
