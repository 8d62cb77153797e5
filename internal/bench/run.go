package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
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
	if err := w.seed(ctx, o.Rows, o.Log); err != nil {
		return err
	}
	var busy []ident.ID
	if slices.Contains(o.Ops, opTimeline) {
		if busy, err = w.talk(ctx, o.Log); err != nil {
			return err
		}
	}
	if err := w.analyze(ctx); err != nil {
		return err
	}
	if _, err := child.ask(&request{Do: "open", Dialect: dialect, DSN: w.peerDSN}); err != nil {
		return err
	}
	for _, name := range Ops() {
		if !slices.Contains(o.Ops, name) {
			continue
		}
		if err := w.compare(ctx, child, name, busy, o, out); err != nil {
			return fmt.Errorf("%s on %s: %w", name, dialect, err)
		}
	}
	return nil
}

// compare measures one operation against its peers.
func (w *world) compare(ctx context.Context, child *Child, name string, busy []ident.ID, o Options, out *printer) error {
	sides, err := w.sides(ctx, child, name, busy)
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
	medians, err := compete(ctx, sides, o.Duration)
	if err != nil {
		return err
	}
	for i := 1; i < len(sides); i++ {
		if err := out.add(newResult(name, w.dialect, sides[i].name, medians[0], medians[i])); err != nil {
			return err
		}
	}
	return nil
}

// sides returns ours and the peers of an operation.
func (w *world) sides(ctx context.Context, child *Child, name string, busy []ident.ID) ([]side, error) {
	if name == opImport {
		return w.imports(ctx, child)
	}
	op, err := w.operation(ctx, name, busy)
	if err != nil {
		return nil, err
	}
	if _, err := w.load(ctx, child, op); err != nil {
		return nil, err
	}
	calls := 0
	session := w.session(w.ours, bigTenant)
	sides := []side{{"ours", func(ctx context.Context, length time.Duration) (time.Duration, error) {
		return repeat(ctx, length, func(ctx context.Context) error {
			calls++
			return op.ours(ctx, session, calls-1)
		})
	}}}
	for _, peer := range peersOf(w.dialect) {
		sides = append(sides, side{peer, func(_ context.Context, length time.Duration) (time.Duration, error) {
			return child.turn(name, peer, length)
		}})
	}
	return sides, nil
}

// peersOf returns the peers of every operation but the import.
func peersOf(dialect string) []string {
	if dialect == Postgres {
		return []string{"pgx", "pgx-pipeline"}
	}
	return []string{"sql"}
}

// load records an operation and gives the peers its scripts.
func (w *world) load(ctx context.Context, child *Child, op *operation) ([]Take, error) {
	s := w.session(w.listened, bigTenant)
	var texts texts
	var scripts []Script
	var first []Take
	for k := -1; k < op.takes; k++ {
		var takes []Take
		for variant := range op.again {
			t, err := w.take(func() error { return op.recorded(ctx, s, max(k, 0), variant) })
			if err != nil {
				return nil, err
			}
			takes = append(takes, t)
		}
		if k < 0 {
			continue // the first run filled caches that every process fills once: keys of the tenant, its fields
		}
		if k == 0 {
			first = takes
		}
		script, err := texts.script(takes, op.renew)
		if err != nil {
			return nil, err
		}
		scripts = append(scripts, script)
	}
	_, err := child.ask(&request{Do: "load", Op: op.name, Scripts: scripts, Texts: texts.list, Mark: markWord})
	return first, err
}
