package dbtest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// shelf keeps migrated databases of one layout that no test uses at the moment. Emptying one costs a fraction of making
// a copy of the template, which is hundreds of files.
type shelf struct {
	mu   sync.Mutex
	free []*kept
}

// kept is a migrated database with the connection that empties it. The connection stays: one that is new has to read
// the catalog of all tables first, which takes ten times as long as to empty them.
type kept struct {
	dsn  string
	conn *pgx.Conn // nil before the first test has ended
}

func (s *shelf) take() (*kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		return nil, false
	}
	k := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	return k, true
}

func (s *shelf) put(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, k)
}

// reused returns the connection string of an empty, migrated database: one that an earlier test has left, or a fresh
// copy. When the test ends the database is emptied and kept, unless the test failed or changed the CRM's tables.
func (s *Server) reused(t testing.TB, name string, prepare func(dsn string) error) string {
	t.Helper()
	v, _ := s.shelves.LoadOrStore(name, &shelf{})
	shelf := v.(*shelf) //nolint:forcetypeassert // the map holds nothing else
	k, ok := shelf.take()
	if !ok {
		dsn, err := s.copyOf(name, prepare)
		if err != nil {
			t.Fatalf("dbtest: template %s: %v", name, err)
		}
		k = &kept{dsn: dsn}
	}
	t.Cleanup(func() {
		wanted, _ := s.schemas.Load(name)
		if now, err := k.clean(); err == nil && now == wanted && !t.Failed() {
			shelf.put(k)
			return
		}
		if err := s.discard(k); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return k.dsn
}

const (
	// empty takes the rows out of the CRM's tables and drops every other one.
	empty = `
SET session_replication_role = replica;
DO $$ DECLARE r record; BEGIN
	PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
	FOR r IN SELECT c.oid::regclass AS name, c.relname FROM pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
		IF r.relname NOT LIKE 'crm\_%' THEN
			EXECUTE 'DROP TABLE ' || r.name || ' CASCADE';
		ELSIF r.relname NOT IN ('crm_schema_version', 'crm_lock') THEN
			EXECUTE 'DELETE FROM ' || r.name;
		END IF;
	END LOOP;
END $$;`

	// schemaNow tells a schema from every other: whatever is made or changed has another transaction, in a copy the same
	// one as in the template, and what is dropped is missing. What VACUUM and ANALYZE note keeps its transaction.
	schemaNow = `
SELECT string_agg(concat_ws(' ', part, rows, transactions), ', ' ORDER BY part) FROM (
	SELECT part, count(*) AS rows, sum(x::text::bigint) AS transactions FROM (
		SELECT 'class' AS part, c.xmin AS x FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL SELECT 'column', a.xmin FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL SELECT 'default', d.xmin FROM pg_attrdef d
		UNION ALL SELECT 'index', i.xmin FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL SELECT 'constraint', k.xmin FROM pg_constraint k WHERE k.connamespace = 'public'::regnamespace
		UNION ALL SELECT 'trigger', g.xmin FROM pg_trigger g
		UNION ALL SELECT 'rule', w.xmin FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class WHERE c.relnamespace = 'public'::regnamespace
		UNION ALL SELECT 'function', f.xmin FROM pg_proc f WHERE f.pronamespace = 'public'::regnamespace
	) rows GROUP BY part
) parts`
)

// clean empties the database and returns what its schema is then.
func (k *kept) clean() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if k.conn != nil {
		if now, err := emptied(ctx, k.conn); err == nil {
			return now, nil
		}
		_ = k.conn.Close(ctx) // the test may have ended it
	}
	var err error
	if k.conn, err = pgx.Connect(ctx, k.dsn); err != nil {
		return "", err
	}
	return emptied(ctx, k.conn)
}

func emptied(ctx context.Context, conn *pgx.Conn) (now string, err error) {
	if _, err := conn.Exec(ctx, empty); err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, schemaNow).Scan(&now)
	return now, err
}

// schemaOf returns what the schema of a database is.
func schemaOf(ctx context.Context, dsn string) (now string, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	err = conn.QueryRow(ctx, schemaNow).Scan(&now)
	return now, errors.Join(err, conn.Close(ctx))
}

// dropShelves drops what is kept on a server that outlives the process.
func (s *Server) dropShelves() error {
	var errs []error
	s.shelves.Range(func(_, v any) bool {
		for k, ok := v.(*shelf).take(); ok; k, ok = v.(*shelf).take() { //nolint:forcetypeassert // the map holds nothing else
			errs = append(errs, s.discard(k))
		}
		return true
	})
	return errors.Join(errs...)
}

func (s *Server) discard(k *kept) error {
	if k.conn != nil {
		_ = k.conn.Close(context.Background()) // dropping ends it anyway
	}
	return s.drop(k.dsn)
}

func (s *Server) drop(dsn string) error {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	return s.exec("DROP DATABASE IF EXISTS " + cfg.Database + " WITH (FORCE)")
}
