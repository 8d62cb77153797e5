package store

import (
	"container/list"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"sync/atomic"
)

// maxPrepared bounds the prepared statements of a pool; the shapes of lists share it with the static statements.
const maxPrepared = 512

// pool is a *sql.DB with its prepared statements. Preparing is the store's work on SQLite alone: the driver of
// PostgreSQL keeps a cache of its own on each connection.
type pool struct {
	db       *sql.DB
	driver   driver.Driver
	prepares bool
	foreign  atomic.Bool // its connections are none that the dialect reads rows of natively

	mu     sync.Mutex
	stmts  map[string]*list.Element // of *prepared
	recent *list.List               // most recently used first
	wanted map[string]bool          // seen inside transactions, to be prepared before the next one
}

// prepared is a statement with its users; it is closed when it has left the cache and the last user has gone.
type prepared struct {
	text  string
	stmt  *sql.Stmt
	users int
	out   bool
}

func newPool(db *sql.DB, d Dialect) *pool {
	return &pool{db: db, driver: db.Driver(), prepares: d.Name() == SQLite, stmts: map[string]*list.Element{}, recent: list.New(), wanted: map[string]bool{}}
}

// take returns the prepared statement of a text, or nil when there is none yet. The caller gives it back by release.
func (p *pool) take(text string) *prepared {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.stmts[text]
	if !ok {
		return nil
	}
	p.recent.MoveToFront(e)
	s := e.Value.(*prepared) //nolint:forcetypeassert // the list holds nothing else
	s.users++
	return s
}

func (p *pool) release(s *prepared) error {
	p.mu.Lock()
	s.users--
	last := s.out && s.users == 0
	p.mu.Unlock()
	if last {
		return s.stmt.Close()
	}
	return nil
}

// want remembers a text for prepareWanted: inside a transaction the pool's only connection is in use.
func (p *pool) want(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.wanted) < maxPrepared {
		p.wanted[text] = true
	}
}

// prepareWanted prepares what transactions have used. It must be called outside of one. A text that cannot be prepared
// stays a text; whoever runs it hears why.
func (p *pool) prepareWanted(ctx context.Context) error {
	p.mu.Lock()
	wanted := p.wanted
	if len(wanted) == 0 { // others may write to the map as soon as it is unlocked
		p.mu.Unlock()
		return nil
	}
	p.wanted = map[string]bool{}
	p.mu.Unlock()
	for text := range wanted {
		s, err := p.prepare(ctx, text)
		if err != nil {
			continue
		}
		if err := p.release(s); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// prepare returns the prepared statement of a text, in use by the caller.
func (p *pool) prepare(ctx context.Context, text string) (*prepared, error) {
	if s := p.take(text); s != nil {
		return s, nil
	}
	stmt, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &prepared{text: text, stmt: stmt, users: 1}
	if _, taken := p.stmts[text]; taken { // another goroutine was faster
		s.out = true
		return s, nil
	}
	p.stmts[text] = p.recent.PushFront(s)
	if p.recent.Len() <= maxPrepared {
		return s, nil
	}
	return s, p.evict()
}

// evict drops the statement that was used longest ago.
func (p *pool) evict() error {
	e := p.recent.Back()
	old := p.recent.Remove(e).(*prepared) //nolint:forcetypeassert // the list holds nothing else
	delete(p.stmts, old.text)
	old.out = true
	if old.users > 0 {
		return nil
	}
	return old.stmt.Close()
}

func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for p.recent.Len() > 0 {
		err = errors.Join(err, p.evict())
	}
	return err
}
