-- What the migrator itself needs. It runs before every migration and must be repeatable.

CREATE TABLE IF NOT EXISTS crm_schema_version (
  module {text} NOT NULL,
  version {int32} NOT NULL,
  name {text} NOT NULL,
  sha256 {text} NOT NULL,
  engine {text} NOT NULL,
  applied_at {time} NOT NULL,
  PRIMARY KEY (module, version)
);

CREATE TABLE IF NOT EXISTS crm_lock (
  name {text} NOT NULL PRIMARY KEY
);
