package crm

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/fault"
)

// Start begins the background work: events to subscribers and plugins, timers, and the plugin processes. Before it
// nothing runs in the background; what was written meanwhile is kept and handled then. The work ends with
// [CRM.Stop], or when ctx ends. A second Start without a Stop does nothing.
//
// Errors: what keeps an extension from starting, Unavailable with reason "closed"; then nothing is left running.
func (c *CRM) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		return nil
	}
	if err := c.db.Ready(ctx); err != nil {
		return fault.At("crm: start", err)
	}
	if err := c.boundary.Start(ctx); err != nil {
		return fault.At("crm: start", err)
	}
	c.relay.Start(ctx)
	c.running = true
	return nil
}

// Stop ends the background work: handlers that are running may finish, the plugins are drained and their processes end.
// It waits until then, or until ctx ends; the contexts of handlers that are still running are cancelled then. Nothing is
// lost either way: what was not finished is delivered again after the next Start.
func (c *CRM) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.running {
		return nil
	}
	c.running = false
	return fault.At("crm: stop", errors.Join(c.relay.Stop(ctx), c.boundary.Stop(ctx)))
}

// Drain handles everything that is due now, in the caller's goroutine, and returns when nothing is left that could be
// done now. Failed deliveries wait for their next attempt. It needs no Start, except that plugins do.
func (c *CRM) Drain(ctx context.Context) error { return fault.At("crm: drain", c.relay.Drain(ctx)) }
