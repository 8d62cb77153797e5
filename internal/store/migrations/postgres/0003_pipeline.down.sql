DROP TABLE crm_opportunity_move;
DROP TABLE crm_opportunity;
DROP TABLE crm_lead_move;
DROP TABLE crm_lead;
DROP TABLE crm_pipeline_version;
DROP TABLE crm_pipeline;
