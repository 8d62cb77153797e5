CREATE TABLE crm_campaign (
  tenant_id {text} NOT NULL,
  id {id} NOT NULL,
  version {int} NOT NULL,
  name {text} NOT NULL,
  budget_minor {int},
  budget_currency {text},
  begins {date},
  ends {date},
  owner_user {text},
  owner_team {text},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  created_by {text} NOT NULL,
  source_system {text},
  source_ref {text},
  custom {json},
  deleted_at {time},
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX crm_campaign_name ON crm_campaign (tenant_id, name, id) WHERE deleted_at IS NULL;
CREATE INDEX crm_campaign_begins ON crm_campaign (tenant_id, begins, id) WHERE deleted_at IS NULL;
