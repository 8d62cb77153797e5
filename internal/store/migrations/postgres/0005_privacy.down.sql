DROP TABLE crm_decision;
DROP TABLE crm_send;
DROP TABLE crm_suppression;
DROP TABLE crm_consent_head;
DROP TABLE crm_consent;
