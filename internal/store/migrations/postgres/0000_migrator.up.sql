-- What the migrator itself needs. It runs before every migration and must be repeatable.

CREATE TABLE IF NOT EXISTS crm_schema_version (
  version integer NOT NULL PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  sha256 text COLLATE "C" NOT NULL,
  engine text COLLATE "C" NOT NULL,
  applied_at timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS crm_lock (
  name text COLLATE "C" NOT NULL PRIMARY KEY
);
