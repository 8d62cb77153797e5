package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// OpenDB returns a *sql.DB over the host's pool, with the pool's connections and limits. Closing it leaves the pool
// open. It suits bun and everything else that puts values into the text of statements: see [Connector].
func OpenDB(pool *pgxpool.Pool) *sql.DB {
	db := sql.OpenDB(poolConnector{Connector(stdlib.GetPoolConnector(pool)), pool})
	db.SetMaxIdleConns(0) // an idle connection belongs to the pool
	return db
}

// poolConnector also hands out the pool itself, as its driver.
type poolConnector struct {
	driver.Connector

	pool *pgxpool.Pool
}

func (c poolConnector) Driver() driver.Driver { return poolDriver{c.Connector.Driver(), c.pool} }

// poolDriver is pgx's driver, and the pool that the connections of a *sql.DB come from.
type poolDriver struct {
	driver.Driver

	pool *pgxpool.Pool
}

// Connector wraps a connector of pgx's stdlib package. Statements without arguments, which are different each time
// when values stand in their text, go by the simple protocol and do not push others out of the statement cache;
// statements with arguments use the cache. Connections of another driver pass unchanged.
func Connector(c driver.Connector) driver.Connector { return connector{c} }

type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	dc, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if pg, ok := dc.(*stdlib.Conn); ok {
		return conn{pg}, nil
	}
	return dc, nil
}

// conn is a connection of pgx that picks the protocol by the arguments. It keeps every optional power of its kind.
type conn struct{ *stdlib.Conn }

func (c conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.ExecContext(ctx, query, simple(args))
}

func (c conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, query, simple(args))
}

func simple(args []driver.NamedValue) []driver.NamedValue {
	if len(args) > 0 {
		return args
	}
	return []driver.NamedValue{{Ordinal: 1, Value: pgx.QueryExecModeSimpleProtocol}}
}

// pgxConn returns pgx's connection beneath a driver connection, or nil.
func pgxConn(dc any) *pgx.Conn {
	for {
		switch c := dc.(type) {
		case conn:
			return c.Conn.Conn()
		case *stdlib.Conn:
			return c.Conn()
		case *joined:
			return c.tx.Conn()
		case interface{ Unwrap() driver.Conn }:
			dc = c.Unwrap()
		default:
			return nil
		}
	}
}
