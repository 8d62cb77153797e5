package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// Run measures what the options say and prints the results to Out: as a table at the end, or with JSON each as it
// comes.
//
// Errors: Invalid naming an option; [ErrNoToolchain], [ErrNoPeers]; dbtest.ErrNoPostgres where PostgreSQL was asked
// for by name and cannot be had; those of the database.
func Run(ctx context.Context, o Options) (err error) {
	either := len(o.Dialects) == 0
	if either {
		o.Dialects = []string{SQLite, Postgres}
	}
	if o, err = o.withDefaults(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "rapport-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	program, err := BuildPeers(ctx, o.Peers, dir)
	if err != nil {
		return err
	}
	out := &printer{out: o.Out, json: o.JSON}
	for _, dialect := range o.Dialects {
		err := measure(ctx, dialect, program, o, out)
		if errors.Is(err, dbtest.ErrNoPostgres) && either && o.DSN == "" {
			fmt.Fprintf(o.Log, "postgres: left out: %v\n", err)
			continue
		}
		if err != nil {
			return errors.Join(err, out.flush())
		}
	}
	return out.flush()
}

// measure runs the operations on one database.
func measure(ctx context.Context, dialect, program string, o Options, out *printer) (err error) {
	w, err := openWorld(ctx, dialect, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	child, err := StartChild(ctx, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, child.Close()) }()
	if err := w.fill(ctx, o); err != nil {
		return err
	}
	if err := w.invite(child); err != nil {
		return err
	}
	for _, name := range Ops() {
		if !slices.Contains(o.Ops, name) {
			continue
		}
		if err := w.compare(ctx, child, name, o, out); err != nil {
			return fmt.Errorf("%s on %s: %w", name, dialect, err)
		}
	}
	return nil
}

// invite gives the peers the database, and the proxy before it.
func (w *world) invite(child *Child) error {
	req := &request{Do: "open", Dialect: w.dialect, DSN: w.peerDSN}
	if w.far != nil {
		req.Through = w.far.proxy.Addr()
	}
	_, err := child.ask(req)
	return err
}

// contest is an operation and who takes part in it, ours first.
type contest struct {
	name  string
	sides []side
	call  func(ctx context.Context, s *crm.Session) error // ours, another time
}

// compare measures one operation against its peers.
func (w *world) compare(ctx context.Context, child *Child, name string, o Options, out *printer) error {
	c, err := w.contest(ctx, child, name)
	if err != nil {
		return err
	}
	if o.Profile != nil {
		stop, err := o.Profile(w.dialect + "." + name)
		if err != nil {
			return err
		}
		defer stop()
	}
	fmt.Fprintf(o.Log, "%s: %s\n", w.dialect, name)
	medians, err := compete(ctx, c.sides, o.Duration)
	if err != nil {
		return err
	}
	var results []Result
	for i := 1; i < len(c.sides); i++ {
		results = append(results, newResult(name, w.dialect, c.sides[i].name, medians[0], medians[i]))
	}
	if w.far != nil {
		if err := w.far.measure(ctx, child, w.session(w.far.ours, sample.BigTenant), c, o.farCalls, results); err != nil {
			return err
		}
	}
	for _, r := range results {
		if err := out.add(r); err != nil {
			return err
		}
	}
	return nil
}

// contest prepares an operation for all sides.
func (w *world) contest(ctx context.Context, child *Child, name string) (*contest, error) {
	if name == opImport {
		return w.imports(ctx, child)
	}
	op, err := w.operation(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := w.load(ctx, child, op); err != nil {
		return nil, err
	}
	calls := 0
	call := func(ctx context.Context, s *crm.Session) error {
		calls++
		return op.ours(ctx, s, calls-1)
	}
	session := w.session(w.ours, sample.BigTenant)
	sides := []side{{"ours", func(ctx context.Context, length time.Duration) (time.Duration, error) {
		return repeat(ctx, length, 1, func(ctx context.Context) error { return call(ctx, session) })
	}}}
	for _, peer := range peersOf(w.dialect) {
		sides = append(sides, side{peer, func(_ context.Context, length time.Duration) (time.Duration, error) {
			return child.turn(name, peer, length, 0)
		}})
	}
	return &contest{name: name, sides: sides, call: call}, nil
}

// The peers of every operation but the import.
const (
	peerOneByOne = "pgx"
	peerPipeline = "pgx-pipeline"
	peerSQLite   = "sql"
)

func peersOf(dialect string) []string {
	if dialect == Postgres {
		return []string{peerOneByOne, peerPipeline}
	}
	return []string{peerSQLite}
}

// load gives the peers the scripts of an operation.
func (w *world) load(ctx context.Context, child *Child, op *operation) error {
	b := &script.Builder{SQLite: w.dialect == SQLite, Fresh: op.fresh, Mark: op.mark}
	scripts, err := w.scripts(ctx, b, op)
	if err != nil {
		return err
	}
	_, err = child.ask(&request{Do: "load", Op: op.name, Scripts: scripts, Texts: b.Texts(), Mark: op.mark})
	return err
}

func (w *world) scripts(ctx context.Context, b *script.Builder, op *operation) (scripts []script.Script, err error) {
	watch, err := w.watch(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, watch.Close(context.WithoutCancel(ctx))) }()
	for k := -1; k < min(op.takes, w.takes); k++ {
		takes := make([]script.Take, op.again)
		for variant := range takes {
			if takes[variant], err = w.taken(ctx, watch, b, op, max(k, 0), variant); err != nil {
				return nil, err
			}
		}
		if k < 0 {
			continue // the first run may write what is written once in a while: keys of the tenant, its pipeline
		}
		s, err := b.Script(takes...)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, s)
	}
	return scripts, nil
}

// taken runs one take of an operation.
func (w *world) taken(ctx context.Context, watch script.Watcher, b *script.Builder, op *operation, k, variant int) (script.Take, error) {
	a := &asked{builder: b}
	t, err := w.take(ctx, watch, func() error { return op.taken(ctx, w.session(w.listened, sample.BigTenant), a, k, variant) })
	t.Reads, t.Given = a.queries, a.given
	if err == nil && op.writes != (len(t.Changes) > 0) {
		err = fmt.Errorf("bench: %s changed %d rows", op.name, len(t.Changes))
	}
	return t, err
}
