-- What the migrator itself needs. It runs before every migration and must be repeatable.

CREATE TABLE IF NOT EXISTS crm_schema_version (
  version INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  engine TEXT NOT NULL,
  applied_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS crm_lock (
  name TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;
