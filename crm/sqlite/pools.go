package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"

	"modernc.org/sqlite"

	"github.com/rapport-crm/rapport/core/fault"
)

// Memory is the path of a database that lives as long as its pool and in no file.
const Memory = ":memory:"

// OpenPools opens a database file, which is made when it is not there, with one writing connection and a pool of
// reading ones; a read never waits for a write. With path [Memory] both are the same pool of one connection. The
// caller closes both.
//
// Errors: Unavailable when the file cannot be opened; Invalid for an empty path.
func OpenPools(ctx context.Context, path string) (write, read *sql.DB, err error) {
	writing, reading, err := Connectors(path)
	if err != nil {
		return nil, nil, err
	}
	if err := create(path); err != nil {
		return nil, nil, err
	}
	if write, err = openPool(ctx, writing, 1); err != nil {
		return nil, nil, err
	}
	if path == Memory {
		return write, write, nil
	}
	if read, err = openPool(ctx, reading, max(4, runtime.NumCPU())); err != nil {
		return nil, nil, errors.Join(err, write.Close())
	}
	return write, read, nil
}

// create makes the file of a new database readable by its owner only: names stand in it in clear. What SQLite adds
// beside it gets the same mode. A file that is there keeps its own.
func create(path string) error {
	if path == Memory {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "cannot open the database")
	}
	return f.Close()
}

// Connectors returns what opens the connections of [OpenPools], for those who put something in between. A pool of
// the writing one must have a single connection.
//
// Errors: Invalid for an empty path.
func Connectors(path string) (write, read driver.Connector, err error) {
	if path == "" || strings.ContainsRune(path, 0) {
		return nil, nil, fault.Field("path", "must name a file, or be %q", Memory)
	}
	if write, err = sqlite.NewConnector(dsn(path, 1000, "_txlock=immediate")); err == nil {
		read, err = sqlite.NewConnector(dsn(path, 5000, "_pragma=query_only(1)"))
	}
	return write, read, fault.Wrap(fault.Invalid, err, "cannot name the database")
}

func openPool(ctx context.Context, c driver.Connector, size int) (*sql.DB, error) {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fault.Wrap(fault.Unavailable, err, "cannot open the database"), db.Close())
	}
	return db, nil
}

// dsn names the file and sets what every connection needs. The busy timeout, in milliseconds, comes first: switching to
// the write-ahead log takes a lock, which another process may hold. Nobody can interrupt that wait; a writer's is short,
// because a transaction that could not begin is tried again as long as its caller wants.
func dsn(path string, busy int, more string) string {
	name := Memory
	if path != Memory {
		name = "file:" + (&url.URL{Path: path}).EscapedPath()
	}
	return name + "?" + strings.Join([]string{
		"_pragma=busy_timeout(" + strconv.Itoa(busy) + ")",
		"_pragma=journal_mode(WAL)",
		"_pragma=synchronous(NORMAL)",
		"_pragma=foreign_keys(1)",
		"_pragma=temp_store(memory)",
		"_pragma=cache_size(-65536)",
		"_pragma=journal_size_limit(200000000)",
		more,
	}, "&")
}
