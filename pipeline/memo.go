package pipeline

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// memo remembers, within one transaction of a load, what many rows ask for. A nil memo remembers nothing. While
// a batch runs it is only read.
type memo struct {
	customers map[ident.ID]error
	pipelines map[pin]*Pipeline
	zone      *time.Location
}

type pin struct {
	key     string
	version int64
}

// customer checks that a customer exists and may be seen.
func (m *memo) customer(ctx context.Context, c *work.Call, s *Module, id ident.ID) error {
	if m != nil {
		if err, ok := m.customers[id]; ok {
			return err
		}
	}
	_, err := s.cfg.Customers.Resolve(ctx, c.Scope, id)
	if fault.CodeOf(err) == fault.NotFound {
		f := fault.New(fault.NotFound, "no such customer")
		f.Field = "customer"
		err = f
	}
	if m != nil && (err == nil || fault.CodeOf(err) == fault.NotFound) {
		m.customers[id] = err
	}
	return err
}

// pinned returns one version of a pipeline.
func (m *memo) pinned(ctx context.Context, c *work.Call, s *Module, key string, version int64) (*Pipeline, error) {
	if m != nil {
		if p, ok := m.pipelines[pin{key, version}]; ok && p == nil {
			return nil, noPipeline()
		} else if ok {
			return p, nil
		}
	}
	return s.pinned(ctx, c, key, version)
}

// learn looks up what a draft names, so that the batch itself, which runs on several goroutines, asks nobody. What
// the look-up stores belongs to the whole batch, not to a row.
func (m *memo) learn(ctx context.Context, c *work.Call, s *Module, d *OpportunityDraft) error {
	if !d.Customer.IsZero() {
		if err := m.customer(ctx, c, s, d.Customer); err != nil && fault.CodeOf(err) != fault.NotFound {
			return err
		}
	}
	at := pin{d.Pipeline, 0}
	if _, ok := m.pipelines[at]; ok {
		return nil
	}
	p, err := s.pinned(ctx, c, d.Pipeline, 0)
	if err != nil && fault.CodeOf(err) != fault.Invalid {
		return err
	}
	m.pipelines[at] = p // nil for one that does not exist
	return nil
}

func (m *memo) zoneOf(ctx context.Context, c *work.Call, s *Module) (*time.Location, error) {
	if m == nil || m.zone == nil {
		return s.zone(ctx, c)
	}
	return m.zone, nil
}
