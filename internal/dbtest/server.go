package dbtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// HoldingFunction is the full name of the function whose goroutine keeps the
// server alive for the life of the process; a leak check leaves it out with
// goleak.IgnoreAnyFunction(dbtest.HoldingFunction).
const HoldingFunction = "github.com/rapport-crm/rapport/internal/dbtest.hold"

// Options tune [StartServer]. The zero value is a fast server that may lose
// everything on a crash of the machine.
type Options struct {
	// Durable keeps fsync, full_page_writes and synchronous_commit on, as a
	// production server would. Defaults to false: all three off.
	Durable bool

	// Settings are further server parameters; they win over the package's own.
	Settings map[string]string

	// Dir is the directory under which the server makes its own. Keep it short:
	// a Unix socket's path has at most 107 bytes. Defaults to /tmp, or to
	// os.TempDir where that does not exist.
	Dir string
}

// Server is a PostgreSQL server: a throw-away one, or the one CRM_TEST_DSN
// names. It is safe for concurrent use.
type Server struct {
	dsn  string
	dir  string // "" for a server that is not ours
	lock *os.File

	process *os.Process   // nil until the server has started
	exited  chan struct{} // closed when the server has ended
	stop    sync.Once
	stopErr error

	seq       atomic.Int64
	templates sync.Map // name to *template
	shelves   sync.Map // name to *shelf
	schemas   sync.Map // name to string: the schema of a template
}

// StartServer starts a throw-away server and waits until it takes connections.
// CRM_TEST_DSN is not looked at. It returns [ErrNoPostgres] where the programs
// are not installed. The caller must call [Server.Stop]; should it die before,
// the kernel stops the server. ctx bounds the start, not the server's life.
func StartServer(ctx context.Context, opts Options) (*Server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	sweep(base(opts.Dir))
	dir, err := os.MkdirTemp(base(opts.Dir), "crmpg")
	if err != nil {
		return nil, fmt.Errorf("dbtest: %w", err)
	}
	s := &Server{dir: dir, exited: make(chan struct{})}
	if err := s.start(ctx, bin, opts); err != nil {
		return nil, errors.Join(fmt.Errorf("dbtest: start PostgreSQL: %w", err), s.Stop())
	}
	return s, nil
}

func base(dir string) string {
	if dir != "" {
		return dir
	}
	if info, err := os.Stat("/tmp"); err == nil && info.IsDir() {
		return "/tmp"
	}
	return os.TempDir()
}

// DSN returns a keyword/value connection string of the maintenance database.
func (s *Server) DSN() string { return s.dsn }

// Stop ends the server without ceremony (SIGQUIT) and removes its files. On a
// server that is not ours it does nothing. Further calls return the first
// call's result.
func (s *Server) Stop() error {
	if s.dir == "" {
		return nil
	}
	s.stop.Do(func() {
		if s.process != nil {
			_ = s.process.Signal(quitSignal) // it may have ended already
			<-s.exited
		}
		s.stopErr = os.RemoveAll(s.dir)
		if s.lock != nil {
			s.stopErr = errors.Join(s.stopErr, s.lock.Close())
		}
	})
	return s.stopErr
}

func (s *Server) start(ctx context.Context, bin string, opts Options) error {
	as, err := prepareOwner(s.dir)
	if err != nil {
		return err
	}
	if s.lock, err = lockDir(s.dir); err != nil {
		return err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", filepath.Join(s.dir, "data"),
		"-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync")
	s.dress(initdb, bin, as)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	postgres := exec.Command(filepath.Join(bin, "postgres"), s.arguments(opts)...)
	s.dress(postgres, bin, as)
	dieWithParent(postgres)
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own handle
	postgres.Stdout, postgres.Stderr = log, log
	started := make(chan error, 1)
	go hold(postgres, started, s.exited)
	if err := <-started; err != nil {
		return err
	}
	s.process = postgres.Process
	s.dsn = fmt.Sprintf("host=%s user=postgres dbname=postgres", s.dir)
	return s.awaitReady(ctx)
}

// dress gives a command its owner, directory and environment. The directory
// matters: initdb refuses to run in one that its user cannot enter.
func (s *Server) dress(cmd *exec.Cmd, bin string, as owner) {
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "HOME=" + s.dir, "LC_ALL=C", "TZ=UTC"}
	runAs(cmd, as)
}

func (s *Server) arguments(opts Options) []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"unix_socket_directories": s.dir,
		"max_connections":         "200",
	}
	if !opts.Durable {
		settings["fsync"] = "off"
		settings["synchronous_commit"] = "off"
		settings["full_page_writes"] = "off"
	}
	maps.Copy(settings, opts.Settings)
	args := []string{"-D", filepath.Join(s.dir, "data")}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// hold starts the server and stays with it until its end. It keeps its OS
// thread, because the kernel sends the parent-death signal when the thread that
// started the child ends, not when the process does.
func hold(cmd *exec.Cmd, started chan<- error, exited chan<- struct{}) {
	runtime.LockOSThread()
	defer close(exited)
	err := cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = cmd.Wait() // a server stopped by SIGQUIT reports an exit status
}

// awaitReady waits until line 8 of postmaster.pid says ready.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w: %s", ctx.Err(), s.log())
		case <-s.exited:
			return fmt.Errorf("the server ended: %s", s.log())
		case <-tick.C:
			pid, err := os.ReadFile(filepath.Join(s.dir, "data", "postmaster.pid"))
			if err != nil {
				continue
			}
			lines := strings.Split(string(pid), "\n")
			if len(lines) >= 8 && strings.TrimSpace(lines[7]) == "ready" {
				return nil
			}
		}
	}
}

func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
