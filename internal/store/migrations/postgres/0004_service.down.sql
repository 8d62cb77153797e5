DROP TABLE crm_case_entry;
DROP TABLE crm_case;
