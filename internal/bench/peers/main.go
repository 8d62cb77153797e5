package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
)

func main() {
	// Every server hands down a context that can end, and drivers pay for watching it; so do the peers.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serve(ctx, os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// serve answers requests until the input ends or one asks to close.
func serve(ctx context.Context, in io.Reader, out io.Writer) (err error) {
	s := &server{ops: map[string]*op{}}
	defer func() { err = errors.Join(err, s.close()) }()
	requests := json.NewDecoder(bufio.NewReaderSize(in, 1<<20))
	replies := json.NewEncoder(out)
	for {
		var req request
		if err := requests.Decode(&req); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		rep, err := s.answer(ctx, &req)
		if err != nil {
			rep = reply{Error: fmt.Sprintf("%s %s: %v", req.Do, req.Op, err)}
		}
		if err := replies.Encode(rep); err != nil {
			return err
		}
		if req.Do == "close" {
			return nil
		}
	}
}

// server holds one open database and the programs loaded for it.
type server struct {
	db    database
	far   database // the same through a proxy; nil without one
	ops   map[string]*op
	ids   minter
	marks int64
	load  *bulkLoad
}

// database is one peer's way to a database.
type database interface {
	// runner returns what runs programs in the named way.
	runner(peer string) (runner, error)
	// write stores rows in one transaction.
	write(ctx context.Context, tables []*table) (map[string]int64, error)
	close() error
}

// reader is a database that can give back everything a tenant's rows hold, tables in an order that respects
// references. SQLite's search index has no content to read.
type reader interface {
	read(ctx context.Context, tenant string, keep []string) ([]*table, error)
}

// runner runs the statements of one operation, whose holes are filled.
type runner interface {
	run(ctx context.Context, steps []*statement) error
}

func (s *server) answer(ctx context.Context, req *request) (reply, error) {
	if s.db == nil && req.Do != "open" && req.Do != "close" {
		return reply{}, errors.New("no database is open")
	}
	switch req.Do {
	case "open":
		return reply{}, s.open(ctx, req)
	case "load":
		s.ops[req.Op] = compile(req)
		return reply{}, nil
	case "turn":
		return s.turn(ctx, req)
	case "source":
		return s.source(ctx, req)
	case "import":
		return s.bulk(ctx)
	case "close":
		return reply{}, nil
	}
	return reply{}, errors.New("unknown request")
}

func (s *server) open(ctx context.Context, req *request) (err error) {
	if err := s.close(); err != nil {
		return err
	}
	clear(s.ops)
	switch req.Dialect {
	case "postgres":
		s.db, err = opened(openPostgres(ctx, req.DSN, ""))
		if err == nil && req.Through != "" {
			s.far, err = opened(openPostgres(ctx, req.DSN, req.Through))
		}
	case "sqlite":
		s.db, err = opened(openSQLite(ctx, req.DSN))
	default:
		err = fmt.Errorf("unknown dialect %q", req.Dialect)
	}
	return err
}

// opened keeps a pointer to nothing out of the interface.
func opened[D database](db D, err error) (database, error) {
	if err != nil {
		return nil, err
	}
	return db, nil
}

func (s *server) close() (err error) {
	for _, db := range []database{s.db, s.far} {
		if db != nil {
			err = errors.Join(err, db.close())
		}
	}
	s.db, s.far = nil, nil
	return err
}
