package pluginhost

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin"
)

// State is where a plugin process stands.
type State string

// The states.
const (
	Starting    State = "starting"    // being started, at first or again
	Ready       State = "ready"       // takes calls
	Backoff     State = "backoff"     // dead; a new start follows after a pause
	Quarantined State = "quarantined" // dies too often: Resume starts it again
	Draining    State = "draining"    // finishing its calls; takes no more
	Stopped     State = "stopped"     // for good
)

// Process is a plugin that runs as a process of its own. It is a [plugin.Extension], safe for concurrent use.
type Process struct {
	cfg      Config
	log      *slog.Logger
	manifest plugin.Manifest
	digest   string
	slots    chan struct{} // one per call at once
	stopping chan struct{} // closed by Stop
	finished chan struct{} // closed when the supervisor has ended
	resume   chan struct{}

	mu       sync.Mutex
	state    State
	changed  chan struct{} // closed and replaced at each change of state
	current  *generation   // while Ready or Draining
	connect  plugin.Connect
	restarts int
	stopOnce sync.Once
	grace    context.Context //nolint:containedctx // the one Stop gave, for the supervisor
}

var _ plugin.Extension = (*Process)(nil)

// Open verifies and starts the plugin, reads its manifest, and keeps it running until [Process.Stop], which must be
// called. It returns when the plugin is ready.
//
// Errors: Invalid for a bad Config or manifest, Denied with reason "checksum" for an executable that is not the
// approved one, Conflict with reason "manifest" for another manifest than the pinned one, Unavailable with reason
// "start" when the plugin does not come up.
func Open(ctx context.Context, cfg Config) (*Process, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fault.At("pluginhost: open", err)
	}
	cfg.Logger = cfg.Logger.With("plugin", filepath.Base(cfg.Command[0]))
	p := &Process{
		cfg: cfg, log: cfg.Logger, digest: cfg.ManifestSHA256,
		slots: make(chan struct{}, cfg.Inflight), stopping: make(chan struct{}), finished: make(chan struct{}),
		resume: make(chan struct{}, 1), state: Starting, changed: make(chan struct{}),
	}
	g, err := launch(ctx, &p.cfg, p.connection)
	if err != nil {
		return nil, fault.At("pluginhost: open", err)
	}
	if p.digest == "" {
		p.digest = g.manifest.Digest()
	}
	if err := p.same(g); err != nil {
		g.destroy(p.log)
		return nil, fault.At("pluginhost: open", err)
	}
	p.manifest = g.manifest
	p.publish(g)
	go p.supervise(g)
	return p, nil
}

// Manifest returns the contract that the first start has shown. Every later start must show the same one.
func (p *Process) Manifest() plugin.Manifest { return p.manifest }

// Start implements [plugin.Extension]: it gives the process its host.
func (p *Process) Start(_ context.Context, connect plugin.Connect) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == Stopped {
		return fault.At("pluginhost: start", down("stopped", "the plugin was stopped: open it again"))
	}
	p.connect = connect
	return nil
}

// Stop lets calls under way finish until ctx ends, asks the process to finish, and kills what is left of it. When it
// returns, no process, directory or goroutine remains; that takes at most ten seconds more than ctx gives. A second
// Stop waits for the first.
func (p *Process) Stop(ctx context.Context) error {
	p.stopOnce.Do(func() {
		p.mu.Lock()
		p.grace = ctx
		p.mu.Unlock()
		close(p.stopping)
	})
	<-p.finished
	return nil
}

// State tells where the process stands.
func (p *Process) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// PID returns the id of the running process, 0 when none is ready.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return 0
	}
	return p.current.pid()
}

// Restarts returns how often the process was started again.
func (p *Process) Restarts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.restarts
}

// Resume starts a quarantined process again, and forgets its crashes. In another state it does nothing.
func (p *Process) Resume() {
	if p.State() == Quarantined {
		select {
		case p.resume <- struct{}{}:
		default:
		}
	}
}

// WaitReady returns when the process takes calls.
//
// Errors: Unavailable when ctx ends before, or the process is quarantined or stopped.
func (p *Process) WaitReady(ctx context.Context) error {
	g, done, err := p.acquire(ctx, 0)
	if g != nil {
		done()
	}
	return err
}

func (p *Process) connection() plugin.Connect {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.connect
}

func (p *Process) set(s State) {
	p.state = s
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Process) publish(g *generation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = g
	p.set(Ready)
}

// retire takes the generation out of use: no call begins on it any more.
func (p *Process) retire(s State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s != Draining {
		p.current = nil
	}
	p.set(s)
}

// distrust takes a generation out of use whose connection a call found gone, so that later calls wait for the next one.
func (p *Process) distrust(g *generation) {
	g.loss.Do(func() { close(g.lost) })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == g && p.state == Ready {
		p.current = nil
		p.set(Backoff)
	}
}

// same compares the manifest of a start with the contract.
func (p *Process) same(g *generation) error {
	if got := g.manifest.Digest(); got != p.digest {
		f := fault.New(fault.Conflict, "the plugin shows another manifest than the approved one: approve %s first", got)
		f.Reason = "manifest"
		return f
	}
	return nil
}

// acquire returns the generation to call, counted in; done must be called when the call is over. With a positive
// patience it waits that long for readiness, with 0 as long as ctx lets it.
func (p *Process) acquire(ctx context.Context, patience time.Duration) (g *generation, done func(), err error) {
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	for {
		p.mu.Lock()
		state, changed, g := p.state, p.changed, p.current
		if state == Ready {
			g.calls.Add(1)
			p.mu.Unlock()
			return g, g.calls.Done, nil
		}
		p.mu.Unlock()
		switch state {
		case Quarantined:
			return nil, nil, down("quarantined", "the plugin kept dying and was put aside: mend it and resume it")
		case Draining, Stopped:
			return nil, nil, down("stopped", "the plugin was stopped")
		case Starting, Backoff, Ready:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil, down("plugin_down", "the plugin is being started again: repeat later")
		}
	}
}

func down(reason, message string) error {
	f := fault.New(fault.Unavailable, "%s", message)
	f.Reason = reason
	return f
}
