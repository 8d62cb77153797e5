package dbtest

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/internal/store"
)

// Trips counts round trips to a server at the socket: an answer that arrives after something was said is one, however
// much was said. Statements should have run once on the connection, so that they are prepared. The pings by which pgx
// looks after connections that were idle do not count, since they depend on the time. It is safe for concurrent use; its
// zero value is ready.
type Trips struct {
	n     atomic.Int64
	delay atomic.Int64
}

// TripsBackend returns a Backend on a PostgreSQL database of its own, whose pool's connections are counted. Those of
// Backend.Write are the pool's, and a *sql.DB of the host's gets counted ones from the pool's connection config.
func TripsBackend(t testing.TB, modules ...store.Module) (Backend, *Trips) {
	t.Helper()
	trips := &Trips{}
	return onServer(t, layout{name: "postgres", modules: modules}, func(cfg *pgxpool.Config) {
		cfg.ConnConfig.DialFunc = trips.Dial(cfg.ConnConfig.DialFunc)
	}), trips
}

// Count returns the number of round trips since the last Reset.
func (c *Trips) Count() int { return int(c.n.Load()) }

// Reset begins to count anew.
func (c *Trips) Reset() { c.n.Store(0) }

// Delay makes each round trip take that much longer, as over a network.
func (c *Trips) Delay(d time.Duration) { c.delay.Store(int64(d)) }

// Dial returns a pgconn.Config.DialFunc whose connections are counted.
func (c *Trips) Dial(next pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		base, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: base, trips: c}, nil
	}
}

type countedConn struct {
	net.Conn

	trips *Trips
	said  atomic.Bool // something, since the last answer
}

var ping = message('Q', []byte("-- ping\x00"))

func (c *countedConn) Write(p []byte) (int, error) {
	c.said.Store(!bytes.Equal(p, ping))
	return c.Conn.Write(p)
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.said.Swap(false) {
		c.trips.n.Add(1)
		time.Sleep(time.Duration(c.trips.delay.Load()))
	}
	return n, err
}
