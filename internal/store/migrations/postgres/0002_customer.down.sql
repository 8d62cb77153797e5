DROP TABLE crm_interaction_party;
DROP TABLE crm_interaction;
DROP TABLE crm_relationship;
DROP TABLE crm_customer_stage;
DROP TABLE crm_customer_ext;
DROP TABLE crm_contact_point;
DROP TABLE crm_customer;
