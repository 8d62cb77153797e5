package trip

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// talk is a server that answers each line with the lines it asks for.
func talk(t *testing.T) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					var answers int
					if _, err := fmt.Fscanln(in, &answers); err != nil {
						return
					}
					for range answers {
						fmt.Fprintln(c, "yes")
						time.Sleep(time.Millisecond) // so that each is a packet of its own
					}
				}
			}()
		}
	}()
	p, err := Listen("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func dial(t *testing.T, p *Proxy) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := p.Dial(t.Context(), "tcp", "elsewhere:1")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

func expect(t *testing.T, in *bufio.Reader, answers int) {
	t.Helper()
	for range answers {
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "yes\n", line)
	}
}

func TestAnswersInPartsAreOneTrip(t *testing.T) {
	t.Parallel()

	p := talk(t)
	c, in := dial(t, p)
	require.Zero(t, p.Trips())
	for n := range 3 {
		fmt.Fprintln(c, 3)
		expect(t, in, 3)
		require.EqualValues(t, n+1, p.Trips())
	}
}

func TestQuestionsWithoutWaitingAreOneTrip(t *testing.T) {
	t.Parallel()

	p := talk(t)
	p.Delay(2 * time.Second) // far longer than it takes to ask, on the busiest machine
	c, in := dial(t, p)
	for range 4 {
		fmt.Fprintln(c, 1)
		time.Sleep(time.Millisecond) // so that each is a packet of its own
	}
	expect(t, in, 4)
	require.EqualValues(t, 1, p.Trips())
}

func TestConnectionsAreCountedTogether(t *testing.T) {
	t.Parallel()

	p := talk(t)
	for range 2 {
		c, in := dial(t, p)
		fmt.Fprintln(c, 1)
		expect(t, in, 1)
	}
	require.EqualValues(t, 2, p.Trips())
}

func TestTripsTakeLonger(t *testing.T) {
	t.Parallel()

	const trips, delay = 5, 10 * time.Millisecond
	p := talk(t)
	c, in := dial(t, p)
	p.Delay(delay)
	begin := time.Now()
	for range trips {
		fmt.Fprintln(c, 2)
		expect(t, in, 2)
	}
	require.GreaterOrEqual(t, time.Since(begin), trips*delay)
	require.EqualValues(t, trips, p.Trips(), "the second line of an answer is not another trip")
}

func TestEndsArePassedOn(t *testing.T) {
	t.Parallel()

	p := talk(t)
	c, in := dial(t, p)
	fmt.Fprintln(c, 1)
	expect(t, in, 1)
	require.NoError(t, p.Close())
	_, err := in.ReadByte()
	require.Error(t, err)
	_, err = p.Dial(t.Context(), "", "")
	require.Error(t, err)

	dead, err := Listen("unix", t.TempDir()+"/nobody")
	require.NoError(t, err)
	t.Cleanup(func() { dead.Close() })
	_, in = dial(t, dead)
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

// connect opens a connection to PostgreSQL through a proxy.
func connect(t *testing.T) (*Proxy, *pgx.Conn) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dbtest.Postgres(t).DSN())
	require.NoError(t, err)
	p, err := Listen(pgconn.NetworkAddress(cfg.Host, cfg.Port))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	cfg.DialFunc = p.Dial
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return p, conn
}

// What is said to PostgreSQL takes a known number of trips, the same each time.
func TestTripsOfPostgres(t *testing.T) {
	t.Parallel()

	p, conn := connect(t)
	const one = "SELECT $1::int"
	query := func(ctx context.Context) error { return conn.QueryRow(ctx, one, 1).Scan(new(int)) }
	for _, c := range []struct {
		name string
		want int64
		run  func(ctx context.Context) error
	}{
		{"prepare and run", 2, query},
		{"run", 1, query},
		{"many rows in many packets", 1, func(ctx context.Context) error {
			_, err := conn.Exec(ctx, "SELECT repeat('x', 1000) FROM generate_series(1, 5000)", pgx.QueryExecModeSimpleProtocol)
			return err
		}},
		{"transaction, one by one", 5, func(ctx context.Context) error {
			tx, err := conn.Begin(ctx)
			if err != nil {
				return err
			}
			for range 3 {
				if err := tx.QueryRow(ctx, one, 1).Scan(new(int)); err != nil {
					return err
				}
			}
			return tx.Commit(ctx)
		}},
		{"transaction, in one batch", 1, func(ctx context.Context) error {
			b := &pgx.Batch{}
			for range 100 {
				b.Queue(one, 1)
			}
			return conn.SendBatch(ctx, b).Close()
		}},
	} {
		before := p.Trips()
		require.NoError(t, c.run(t.Context()))
		require.Equal(t, c.want, p.Trips()-before, c.name)
	}
}

// A copy takes few trips, however many rows it has. It asks for its columns, then sends the rows without waiting; but
// the server says that it is ready for them, and when that arrives before the first row leaves, it ends a trip.
func TestTripsOfACopy(t *testing.T) {
	t.Parallel()

	p, conn := connect(t)
	_, err := conn.Exec(t.Context(), "CREATE TEMPORARY TABLE copied (n int)")
	require.NoError(t, err)
	for _, rows := range []int{1, 100_000} {
		before := p.Trips()
		n, err := conn.CopyFrom(t.Context(), pgx.Identifier{"copied"}, []string{"n"}, pgx.CopyFromSlice(rows, func(i int) ([]any, error) {
			return []any{i}, nil
		}))
		require.NoError(t, err)
		require.EqualValues(t, rows, n)
		require.LessOrEqual(t, p.Trips()-before, int64(3))
	}
}
