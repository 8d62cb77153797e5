package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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

// exhibition is the plugin process. The first event that it is given finds it killed: that is the accident of the
// story, at the worst moment.
type exhibition struct {
	*pluginhost.Process
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
	return &exhibition{Process: p, curtain: make(chan struct{})}, nil
}

// Deliver kills the process the first time, and hands the batch on.
func (e *exhibition) Deliver(ctx context.Context, batch []plugin.Delivery) ([]plugin.Ack, error) {
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
	earlier, err := confirmations(ctx, s, buyers[0].ID)
	if err != nil {
		return b, p, err
	}
	if err := c.Start(ctx); err != nil {
		return b, p, err
	}
	if b, err = sell(ctx, s, buyers, tell); err != nil {
		return b, p, err
	}
	close(e.curtain)
	tell.step("The plugin is killed while the sale is being confirmed")
	if p.Effects, err = confirmed(ctx, s, buyers[0].ID, earlier); err != nil {
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

func sell(ctx context.Context, s *crm.Session, buyers [2]customer.Customer, tell *story) (b booth, err error) {
	show := "SHOW " + time.Now().UTC().Format("20060102-150405.000") // a new one for each run on this database
	offer := func(to ident.ID) error {
		_, err := s.Plugins.Invoke(ctx, vertical.SellBooth, map[string]any{"exhibition": show, "booth": "A-12", "buyer": to})
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

// confirmations counts the sales confirmed on a customer's timeline.
func confirmations(ctx context.Context, s *crm.Session, id ident.ID) (int, error) {
	n, cursor := 0, ""
	for {
		p, err := s.Customers.Timeline(ctx, id, page.Query{Cursor: cursor, Limit: 100})
		if err != nil {
			return 0, err
		}
		for _, entry := range p.Items {
			if entry.Interaction != nil && entry.Interaction.Subject.Reveal() == "booth A-12 confirmed" {
				n++
			}
		}
		if cursor = p.Next; cursor == "" {
			return n, nil
		}
	}
}

// confirmed waits for a confirmation, and then a little for one too many. It returns how many came.
func confirmed(ctx context.Context, s *crm.Session, id ident.ID, earlier int) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Second)
	defer cancel()
	settle := 0
	for {
		n, err := confirmations(ctx, s, id)
		if err != nil {
			return 0, err
		}
		if n > earlier {
			settle++
		}
		if settle > 5 {
			return n - earlier, nil
		}
		select {
		case <-ctx.Done():
			return n - earlier, errors.New("the sale was not confirmed within 100 seconds")
		case <-time.After(100 * time.Millisecond):
		}
	}
}
