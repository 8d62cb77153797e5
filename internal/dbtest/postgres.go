package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience bounds each administrative step on a busy machine.
const patience = 2 * time.Minute

// shared is the one server of this test process.
var shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Postgres returns the test process's server and starts it on first use. It
// skips the test where no server can be had, or fails it when CRM_REQUIRE_PG is
// 1. A server that is there and does not start always fails the test.
func Postgres(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = open() })
	switch {
	case shared.err == nil:
		return shared.server
	case errors.Is(shared.err, ErrNoPostgres) && os.Getenv("CRM_REQUIRE_PG") != "1":
		t.Skip(shared.err)
	default:
		t.Fatal(shared.err)
	}
	return nil
}

// Main runs the tests and stops the server they may have started; the result is
// for os.Exit. It also drops the templates that were made on a server named by
// CRM_TEST_DSN.
func Main(m *testing.M) int {
	code := m.Run()
	if shared.server == nil {
		return code
	}
	if err := errors.Join(shared.server.dropShelves(), shared.server.dropTemplates(), shared.server.Stop()); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest:", err)
		return max(code, 1)
	}
	return code
}

func open() (*Server, error) {
	if dsn := os.Getenv("CRM_TEST_DSN"); dsn != "" {
		return &Server{dsn: dsn}, nil
	}
	return StartServer(context.Background(), Options{})
}

// Database returns the connection string of a fresh, empty database. It is
// dropped when the test ends, whoever is still connected.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	dsn, err := s.clone("template0")
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		if err := s.drop(dsn); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return dsn
}

// Template returns the connection string of a fresh copy of a database that
// prepare filled. prepare runs once per process and name, must close what it
// opened, and must not depend on the test that happened to ask first. The copy
// is dropped when the test ends.
func (s *Server) Template(t testing.TB, name string, prepare func(dsn string) error) string {
	t.Helper()
	dsn, err := s.copyOf(name, prepare)
	if err != nil {
		t.Fatalf("dbtest: template %s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := s.drop(dsn); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return dsn
}

// copyOf returns the connection string of a copy of a template, which the caller drops.
func (s *Server) copyOf(name string, prepare func(dsn string) error) (string, error) {
	v, _ := s.templates.LoadOrStore(name, &template{})
	tmpl := v.(*template) //nolint:forcetypeassert // the map holds nothing else
	tmpl.once.Do(func() { tmpl.database, tmpl.err = s.prepare(prepare) })
	if tmpl.err != nil {
		return "", tmpl.err
	}
	return s.clone(tmpl.database)
}

// template is a database that others are copied from.
type template struct {
	once     sync.Once
	database string
	err      error
}

func (s *Server) prepare(fill func(dsn string) error) (string, error) {
	name := s.name()
	if err := s.exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		return "", err
	}
	return name, fill(WithDatabase(s.dsn, name))
}

func (s *Server) clone(from string) (string, error) {
	name := s.name()
	return WithDatabase(s.dsn, name), s.exec("CREATE DATABASE " + name + " TEMPLATE " + from)
}

func (s *Server) dropTemplates() error {
	var errs []error
	s.templates.Range(func(_, v any) bool {
		tmpl := v.(*template) //nolint:forcetypeassert // the map holds nothing else
		if s.dir == "" && tmpl.database != "" {
			errs = append(errs, s.exec("DROP DATABASE IF EXISTS "+tmpl.database+" WITH (FORCE)"))
		}
		return true
	})
	return errors.Join(errs...)
}

// name returns a database name no other test or process uses: several processes
// may share the server of CRM_TEST_DSN.
func (s *Server) name() string {
	return fmt.Sprintf("crm_%d_%d_%d", time.Now().UnixNano(), os.Getpid(), s.seq.Add(1))
}

// exec runs one statement on a connection of its own, so that nothing stays open
// between tests for a leak check to find.
func (s *Server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// WithDatabase returns dsn, in either of its two forms, pointing at another
// database of the same server.
func WithDatabase(dsn, name string) string {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name // the last one counts
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // connecting reports it
	}
	u.Path = "/" + name
	query := u.Query()
	query.Del("dbname") // it would win over the path
	u.RawQuery = query.Encode()
	return u.String()
}
