DROP TABLE crm_plugin_stream;
DROP TABLE crm_plugin_kv;
DROP TABLE crm_plugin_consumed;
DROP TABLE crm_disclosure;
