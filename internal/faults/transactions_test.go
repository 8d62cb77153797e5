package faults_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
)

// together writes a customer and a lead of it, and in between something that is undone.
func together(ctx context.Context, p *play, s *crm.Session, name string) error {
	if err := second(s.Once(p.step+"/customer").Customers.Create(ctx, organization(p.id(name), name))); err != nil {
		return err
	}
	err := s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
		if err := second(s.Customers.Create(ctx, customer.OrganizationDraft{Name: "Undone"})); err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		return err
	}
	return second(s.Once(p.step+"/lead").Leads.Create(ctx, pipeline.LeadDraft{ID: p.id(name + "'s lead"), Customer: p.id(name)}))
}

var errUndo = errors.New("undo")

func transactionSteps() []step {
	return []step{
		{name: "a transaction", run: func(ctx context.Context, p *play) error {
			return p.s.InTx(ctx, func(ctx context.Context, s *crm.Session) error { return together(ctx, p, s, "in a transaction") })
		}},
		{name: "a transaction of the host's", run: func(ctx context.Context, p *play) error {
			tx, err := p.write.BeginTx(ctx, nil)
			if err != nil {
				return host(err)
			}
			if err := together(ctx, p, p.s.Join(tx), "joined"); err != nil {
				return errors.Join(err, second(0, tx.Rollback()))
			}
			return host(tx.Commit())
		}},
		{name: "a transaction that changes the schema", run: func(ctx context.Context, p *play) error {
			_, err := p.s.Schema.Fields(ctx, "lead") // cached from now on
			return errors.Join(err, p.s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
				d := schema.Definition{Entity: "lead", Key: "rank", Type: rule.TypeInt, Class: personal.None}
				_, err := s.Schema.Define(ctx, d)
				return errors.Join(err, second(s.Schema.Fields(ctx, "lead")))
			}))
		}},
	}
}

func host(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errHost, err)
}

func queueSteps() []step {
	return []step{
		{name: "the queue is interrupted", run: func(ctx context.Context, p *play) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			p.stop = cancel
			defer func() { p.stop = nil }()
			if err := p.Drain(ctx); err != nil && ctx.Err() == nil {
				return err
			}
			return nil
		}},
		{name: "drain", run: func(ctx context.Context, p *play) error { return p.Drain(ctx) }},
		{name: "drain later", run: func(ctx context.Context, p *play) error {
			for range 100 { // what a dying connection has locked cannot be taken yet
				p.clock.Advance(2 * time.Minute)
				if err := p.Drain(ctx); err != nil {
					return err
				}
				b, err := p.s.Outbox.Backlog(ctx)
				if err != nil || b.Dispatch+b.Due == 0 {
					return err
				}
			}
			return errors.New("the queue does not come to an end")
		}},
		{name: "count the backlog", run: func(ctx context.Context, p *play) error { return second(p.s.Outbox.Backlog(ctx)) }},
	}
}

// lastSteps look after what has failed for good, and let the clocks run out.
func lastSteps() []step {
	dead := func(ctx context.Context, p *play, do func(ctx context.Context, d crm.Outbox, l crm.DeadLetter) error) error {
		list, err := p.s.Outbox.Dead(ctx, ident.ID{})
		for _, l := range list {
			if l.Consumer == "subscriber:fragile" {
				err = errors.Join(err, do(ctx, p.s.Outbox, l))
			}
		}
		return err
	}
	return []step{
		{name: "delete a customer", run: func(ctx context.Context, p *play) error { return p.once().Customers.Delete(ctx, p.id("bob"), 3) }},
		{name: "give up", run: func(ctx context.Context, p *play) error {
			for range 14 {
				p.clock.Advance(2 * time.Hour)
				if err := p.Drain(ctx); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "replay", run: func(ctx context.Context, p *play) error {
			return dead(ctx, p, func(ctx context.Context, d crm.Outbox, l crm.DeadLetter) error { return d.Replay(ctx, l) })
		}},
		{name: "give up again", run: func(ctx context.Context, p *play) error {
			for range 14 {
				p.clock.Advance(2 * time.Hour)
				if err := p.Drain(ctx); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "discard", run: func(ctx context.Context, p *play) error {
			err := dead(ctx, p, func(ctx context.Context, d crm.Outbox, l crm.DeadLetter) error { return d.Discard(ctx, l) })
			if errors.Is(err, fault.ErrNotFound) {
				return nil // the attempt before has discarded it
			}
			return err
		}},
		{name: "time runs out", run: func(ctx context.Context, p *play) error {
			for range 55 { // hours, so that a warning comes before its breach
				p.clock.Advance(time.Hour)
				if err := p.Drain(ctx); err != nil {
					return err
				}
			}
			return nil
		}},
	}
}
