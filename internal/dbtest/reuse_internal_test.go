package dbtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// A database that a test leaves is the next one's, empty; one whose schema it changed is nobody's.
func TestDatabasesAreReused(t *testing.T) {
	t.Parallel()

	s := Postgres(t)
	const layout = "reused"
	makeTables := func(dsn string) error {
		conn, err := pgx.Connect(context.Background(), dsn)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(context.Background()) }()
		if _, err := conn.Exec(context.Background(), `CREATE TABLE crm_a (id int PRIMARY KEY, n int DEFAULT 1);
			CREATE TABLE crm_b (id int PRIMARY KEY, a int REFERENCES crm_a)`); err != nil {
			return err
		}
		now, err := schemaOf(context.Background(), dsn)
		s.schemas.Store(layout, now)
		return err
	}
	// test runs a statement on a database of its own and returns which one that was.
	test := func(statement string) (dsn string) {
		t.Run(statement, func(t *testing.T) {
			dsn = s.reused(t, layout, makeTables)
			conn, err := pgx.Connect(t.Context(), dsn)
			require.NoError(t, err)
			var rows int
			require.NoError(t, conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM crm_a) + (SELECT count(*) FROM crm_b) +
				(SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'crm%')`).Scan(&rows))
			require.Zero(t, rows)
			_, err = conn.Exec(t.Context(), "INSERT INTO crm_a VALUES (1); INSERT INTO crm_b VALUES (1, 1)")
			require.NoError(t, err)
			_, err = conn.Exec(t.Context(), statement)
			require.NoError(t, err)
		})
		return dsn
	}
	mine := test("SELECT 1")
	for _, harmless := range []string{
		"CREATE TABLE other AS SELECT 1",
		"ANALYZE",
		"VACUUM crm_a",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
	} {
		require.Equal(t, mine, test(harmless), harmless)
	}
	for _, change := range []string{
		"ALTER TABLE crm_a ADD COLUMN m int",
		"ALTER TABLE crm_a ALTER COLUMN n SET DEFAULT 2",
		"ALTER TABLE crm_a ALTER COLUMN n SET NOT NULL",
		"ALTER TABLE crm_a ADD CHECK (n > 0)",
		"ALTER TABLE crm_a DISABLE TRIGGER ALL",
		"ALTER TABLE crm_a RENAME TO crm_c",
		"CREATE INDEX ON crm_b (a)",
		"CREATE TABLE crm_c (id int)",
		"CREATE RULE r AS ON DELETE TO crm_b DO INSTEAD NOTHING",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"DROP TABLE crm_b",
	} {
		left := test(change)
		require.NotEqual(t, left, test("SELECT 1"), change)
	}
}
