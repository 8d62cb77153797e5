package dbtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/crm/postgres"
)

// shelf keeps migrated databases of one layout that no test uses at the moment. Emptying one costs a tenth of making
// a copy of the template, which is hundreds of files.
type shelf struct {
	mu   sync.Mutex
	free []string // connection strings
}

func (s *shelf) take() (dsn string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) == 0 {
		return "", false
	}
	dsn = s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	return dsn, true
}

func (s *shelf) put(dsn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, dsn)
}

// reused returns the connection string of an empty, migrated database: one that an earlier test has left, or a fresh
// copy. When the test ends the database is emptied and kept, unless the test failed or changed the CRM's tables.
func (s *Server) reused(t testing.TB, name string, prepare func(dsn string) error) string {
	t.Helper()
	v, _ := s.shelves.LoadOrStore(name, &shelf{})
	kept := v.(*shelf) //nolint:forcetypeassert // the map holds nothing else
	dsn, ok := kept.take()
	if !ok {
		var err error
		if dsn, err = s.copyOf(name, prepare); err != nil {
			t.Fatalf("dbtest: template %s: %v", name, err)
		}
	}
	t.Cleanup(func() {
		if clean, err := s.clean(dsn, name); err == nil && clean && !t.Failed() {
			kept.put(dsn)
			return
		}
		if err := s.drop(dsn); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return dsn
}

// empty takes the rows out of the CRM's tables and drops every other one.
const empty = `
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

// clean empties a database and reports whether its schema is still that of the template.
func (s *Server) clean(dsn, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return false, err
	}
	_, err = conn.Exec(ctx, empty)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return false, err
	}
	now, err := catalog(ctx, dsn)
	if err != nil {
		return false, err
	}
	wanted, _ := s.catalogs.Load(name)
	return slices.Equal(wanted.([]string), now), nil //nolint:forcetypeassert // filled with the template
}

// dropShelves drops what is kept on a server that outlives the process.
func (s *Server) dropShelves() error {
	var errs []error
	s.shelves.Range(func(_, v any) bool {
		for dsn, ok := v.(*shelf).take(); ok; dsn, ok = v.(*shelf).take() { //nolint:forcetypeassert // the map holds nothing else
			errs = append(errs, s.drop(dsn))
		}
		return true
	})
	return errors.Join(errs...)
}

func (s *Server) drop(dsn string) error {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	return s.exec("DROP DATABASE IF EXISTS " + cfg.Database + " WITH (FORCE)")
}

func catalog(ctx context.Context, dsn string) ([]string, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	db := postgres.OpenDB(pool)
	lines, err := postgres.Dialect.Catalog(ctx, db)
	return lines, errors.Join(err, db.Close())
}
