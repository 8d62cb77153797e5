package pluginhost

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// Reasons for which a generation ends.
const (
	reasonStop   = "stop"
	reasonExit   = "exit"
	reasonLost   = "lost"
	reasonFrozen = "frozen"
	reasonStart  = "start"
)

// maxGrace bounds a Stop whose context has no end.
const maxGrace = 10 * time.Second

// supervise owns the life of the process: one generation after the other, until Stop.
func (p *Process) supervise(g *generation) {
	defer close(p.finished)
	var history crashes
	for {
		up := time.Now()
		reason := p.watch(g)
		if reason == reasonStop {
			p.finish(g)
			return
		}
		p.retire(Backoff)
		g.destroy(p.log)
		p.log.Warn("plugin died", "reason", reason, "pid", g.pid(), "up", time.Since(up).Round(time.Millisecond), "printed", g.out.last())
		history.add(&p.cfg, time.Since(up))
		if g = p.again(&history); g == nil {
			p.retire(Stopped)
			return
		}
	}
}

// again starts the next generation, however often that fails; nil means Stop.
func (p *Process) again(history *crashes) *generation {
	for {
		if history.tooMany(&p.cfg) {
			p.retire(Quarantined)
			p.log.Error("plugin quarantined", "crashes", len(history.at), "window", p.cfg.CrashWindow)
			select {
			case <-p.resume:
				*history = crashes{}
			case <-p.stopping:
				return nil
			}
		} else if !p.pause(history.backoff(&p.cfg)) {
			return nil
		}
		p.retire(Starting)
		g, err := p.restart()
		if err == nil {
			p.publishAgain(g)
			return g
		}
		if p.stopped() {
			return nil
		}
		p.log.Warn("plugin did not start", "reason", reasonStart, "error", err)
		if errors.Is(err, fault.ErrDenied) || errors.Is(err, fault.ErrConflict) || errors.Is(err, fault.ErrInvalid) {
			history.hopeless = true // another file or contract: trying again changes nothing
		}
		history.add(&p.cfg, 0)
	}
}

func (p *Process) restart() (*generation, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-p.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	g, err := launch(ctx, &p.cfg, p.connection)
	if err != nil {
		return nil, err
	}
	if err := p.same(g); err != nil {
		g.destroy(p.log)
		return nil, err
	}
	return g, nil
}

func (p *Process) publishAgain(g *generation) {
	p.mu.Lock()
	p.restarts++
	n := p.restarts
	p.mu.Unlock()
	p.publish(g)
	p.log.Info("plugin started again", "pid", g.pid(), "restarts", n)
}

// watch returns why the generation must end: it has exited, it does not answer, or Stop was called.
func (p *Process) watch(g *generation) string {
	tick := time.NewTicker(p.cfg.PingEvery)
	defer tick.Stop()
	misses := 0
	for {
		select {
		case <-p.stopping:
			return reasonStop
		case <-g.exited():
			return reasonExit
		case <-g.lost:
			return reasonLost
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), p.cfg.PingTimeout)
		err := g.ping(ctx)
		cancel()
		if err == nil {
			misses = 0
			continue
		}
		if misses++; misses < p.cfg.PingMisses {
			continue
		}
		select {
		case <-g.exited():
			return reasonExit
		default:
			return reasonFrozen
		}
	}
}

// finish drains and ends the last generation.
func (p *Process) finish(g *generation) {
	p.retire(Draining)
	p.mu.Lock()
	ctx, cancel := context.WithTimeout(p.grace, maxGrace)
	p.mu.Unlock()
	defer cancel()

	idle := make(chan struct{})
	go func() {
		g.calls.Wait()
		_, _ = g.wire.plugin.Drain(ctx, &proto.DrainRequest{}) // one that does not drain is killed all the same
		close(idle)
	}()
	select {
	case <-idle:
		go g.client.Kill() // asks the process to end; destroy sees to it that this returns
		leave := time.NewTimer(time.Second)
		defer leave.Stop()
		select {
		case <-g.exited():
		case <-leave.C:
		}
	case <-ctx.Done():
	case <-g.exited():
	}
	g.destroy(p.log)
	p.retire(Stopped)
	p.log.Info("plugin stopped", "pid", g.pid())
}

func (p *Process) stopped() bool {
	select {
	case <-p.stopping:
		return true
	default:
		return false
	}
}

// pause reports whether the time passed without a Stop.
func (p *Process) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.stopping:
		return false
	}
}

// crashes are the deaths within the window.
type crashes struct {
	at       []time.Time
	row      int // in a row, without a generation that stayed up
	hopeless bool
}

func (c *crashes) add(cfg *Config, up time.Duration) {
	now := time.Now()
	for len(c.at) > 0 && now.Sub(c.at[0]) > cfg.CrashWindow {
		c.at = c.at[1:]
	}
	c.at = append(c.at, now)
	if up >= cfg.CrashWindow {
		c.row = 0
	}
	c.row++
}

func (c *crashes) tooMany(cfg *Config) bool { return c.hopeless || len(c.at) >= cfg.MaxCrashes }

// backoff is the pause before the next start, drawn between half and all of a bound that doubles with each crash.
func (c *crashes) backoff(cfg *Config) time.Duration {
	bound := cfg.BackoffMax
	if shift := c.row - 1; shift < 20 {
		bound = min(bound, cfg.BackoffMin<<shift)
	}
	return bound/2 + rand.N(bound/2+1) //nolint:gosec // spreads starts, guards nothing
}
