package dbtest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

// plain is a driver with no optional interface at all.
type plain struct{ ran []string }

func (p *plain) Connect(context.Context) (driver.Conn, error) { return plainConn{p}, nil }
func (p *plain) Driver() driver.Driver                        { return nil }

type plainConn struct{ p *plain }

func (c plainConn) Prepare(text string) (driver.Stmt, error) { return plainStmt{c.p, text}, nil }
func (c plainConn) Close() error                             { return nil }
func (c plainConn) Begin() (driver.Tx, error)                { return plainTx(c), nil }

type plainTx struct{ p *plain }

func (t plainTx) Commit() error   { t.p.ran = append(t.p.ran, "commit"); return nil }
func (t plainTx) Rollback() error { t.p.ran = append(t.p.ran, "rollback"); return nil }

type plainStmt struct {
	p    *plain
	text string
}

func (s plainStmt) Close() error  { return nil }
func (s plainStmt) NumInput() int { return -1 }
func (s plainStmt) Exec([]driver.Value) (driver.Result, error) {
	s.p.ran = append(s.p.ran, s.text)
	return driver.RowsAffected(1), nil
}

func (s plainStmt) Query([]driver.Value) (driver.Rows, error) {
	s.p.ran = append(s.p.ran, s.text)
	return plainRows{}, nil
}

type plainRows struct{}

func (plainRows) Columns() []string         { return []string{"a"} }
func (plainRows) Close() error              { return nil }
func (plainRows) Next([]driver.Value) error { return io.EOF }

// Where the driver beneath lacks an optional interface, the wrapped one behaves
// as database/sql alone would.
func TestChaosOverPlainDriver(t *testing.T) {
	t.Parallel()

	base := &plain{}
	chaos := dbtest.NewChaos(base)
	db := chaos.DB()
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.PingContext(t.Context()))
	_, err := db.ExecContext(t.Context(), "a", 1)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "b", sql.Named("n", 1))
	require.ErrorContains(t, err, "Named Parameters")
	_, err = db.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	require.ErrorContains(t, err, "read-only")
	_, err = db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	require.ErrorContains(t, err, "isolation level")
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	require.ErrorIs(t, tx.QueryRowContext(t.Context(), "c").Scan(new(int)), sql.ErrNoRows)
	require.NoError(t, tx.Commit())
	require.Equal(t, []string{"a", "c", "commit"}, base.ran)
	require.Equal(t, 1, chaos.Coverage()["(A)"], "preparing on the way does not count")
}
