package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/examples/exhibition/vertical"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
	"github.com/rapport-crm/rapport/plugin/pluginserve"
	"github.com/rapport-crm/rapport/privacy"
)

// servedPlugin serves the extension when a host has started this very program as a plugin.
func servedPlugin() bool {
	if !pluginserve.Started() {
		return false
	}
	pluginserve.Serve(vertical.Extension())
	return true
}

// exhibition is the plugin process. The event of the sale finds it killed: that is the accident of the story, at the
// worst moment.
type exhibition struct {
	*pluginhost.Process
	name     string        // of the exhibition: a new one for each run on a database
	curtain  chan struct{} // closed when the sale is over and the accident may happen
	accident sync.Once
	before   int // its process id until the accident
}

// openExhibition starts this program once more, as the plugin.
func openExhibition(ctx context.Context, log *slog.Logger) (*exhibition, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	sum, err := pluginhost.Checksum(self)
	if err != nil {
		return nil, err
	}
	p, err := pluginhost.Open(ctx, pluginhost.Config{Command: []string{self}, SHA256: sum, Logger: log})
	if err != nil {
		return nil, err
	}
	name := "SHOW " + time.Now().UTC().Format("20060102-150405.000000")
	return &exhibition{Process: p, name: name, curtain: make(chan struct{})}, nil
}

// Deliver hands the batch on, and kills the process before the one with the sale.
func (e *exhibition) Deliver(ctx context.Context, batch []plugin.Delivery) ([]plugin.Ack, error) {
	if !slices.ContainsFunc(batch, func(d plugin.Delivery) bool { return d.Event.Facts["exhibition"] == e.name }) {
		return e.Process.Deliver(ctx, batch) // left over from a run that was interrupted
	}
	e.accident.Do(func() {
		select {
		case <-e.curtain:
		case <-ctx.Done():
			return
		}
		e.before = e.PID()
		if p, err := os.FindProcess(e.before); err == nil {
			p.Kill() //nolint:errcheck // an accident reports nothing
		}
	})
	return e.Process.Deliver(ctx, batch)
}

// show sells a booth, refuses a second buyer, and waits for the confirmation that the accident interrupts.
func (e *exhibition) show(ctx context.Context, c *crm.CRM, me ident.Principal, buyers [2]customer.Customer, tell *story) (b booth, p process, err error) {
	tell.step("A plugin process sells a booth, once")
	s := c.As(me, privacy.Sales)
	if err := c.Start(ctx); err != nil {
		return b, p, err
	}
	if b, err = e.sell(ctx, s, buyers, tell); err != nil {
		return b, p, err
	}
	close(e.curtain)
	tell.step("The plugin is killed while the sale is being confirmed")
	if p.Effects, err = e.confirmed(ctx, s, buyers[0].ID, tell); err != nil {
		return b, p, err
	}
	if err := e.WaitReady(ctx); err != nil {
		return b, p, err
	}
	p.PIDBefore, p.PIDAfter = e.before, e.PID()
	tell.say("   Process %d was killed with the event in its hands; process %d took over.", p.PIDBefore, p.PIDAfter)
	tell.say("   The buyer's timeline has %d confirmation.", p.Effects)
	return b, p, nil
}

func (e *exhibition) sell(ctx context.Context, s *crm.Session, buyers [2]customer.Customer, tell *story) (b booth, err error) {
	offer := func(to ident.ID) error {
		_, err := s.Plugins.Invoke(ctx, vertical.SellBooth, map[string]any{"exhibition": e.name, "booth": "A-12", "buyer": to})
		return err
	}
	if err := offer(buyers[0].ID); err != nil {
		return b, err
	}
	b.SoldTo = buyers[0].ID.String()
	tell.say("   Booth A-12 is sold to %s.", buyers[0].Name.Reveal())
	err = offer(buyers[1].ID)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Conflict && f.Reason == "taken" {
		b.SecondBuyerRefused = true
		tell.say("   %s comes second and is refused: %s.", buyers[1].Name.Reveal(), f.Message)
		return b, nil
	}
	return b, fmt.Errorf("the second buyer was not refused: %w", err)
}

// confirmations counts how often the sale was confirmed on a customer's timeline.
func (e *exhibition) confirmations(ctx context.Context, s *crm.Session, id ident.ID) (int, error) {
	n, cursor := 0, ""
	for {
		p, err := s.Interactions.Timeline(ctx, id, page.Query{Cursor: cursor, Limit: 100})
		if err != nil {
			return 0, err
		}
		for _, entry := range p.Items {
			if entry.Interaction != nil && strings.Contains(entry.Interaction.Body.Reveal(), e.name) {
				n++
			}
		}
		if cursor = p.Next; cursor == "" {
			return n, nil
		}
	}
}

// patience is how long nothing may happen before the wait for the confirmation is given up.
const patience = 100 * time.Second

// confirmed waits for a confirmation, and then a little for one too many. It returns how many came. What the import has
// written stands in the queue before the sale: while that becomes less, the wait goes on.
func (e *exhibition) confirmed(ctx context.Context, s *crm.Session, id ident.ID, tell *story) (int, error) {
	settle, least, since := 0, int64(math.MaxInt64), time.Now()
	for {
		n, err := e.confirmations(ctx, s, id)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			settle++
		}
		if settle > 5 {
			return n, nil
		}
		left, err := s.Outbox.Backlog(ctx)
		if err != nil {
			return 0, err
		}
		if left.Dispatch > 0 {
			tell.done("writes to hand out first", int(left.Dispatch))
		}
		if left.Dispatch < least {
			least, since = left.Dispatch, time.Now()
		}
		if time.Since(since) > patience {
			return n, fmt.Errorf("the sale was not confirmed within %s", patience)
		}
		select {
		case <-ctx.Done():
			return n, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
