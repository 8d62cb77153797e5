package service

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// Fire handles a timer of kind [TimerSLA]: when the clock still runs and has reached the timer's point, it marks the case
// and raises case.sla_warned or case.sla_breached, once for ever. When the clock was stopped, paused or moved
// meanwhile, or the case is gone, it does nothing. It may be called any number of times and by several processes.
//
// The scope should be that of a system principal, on the unit in which the outbox ends the delivery.
//
// Errors: Invalid for a timer that this package has not set; errors of the store.
func (m *Module) Fire(ctx context.Context, scope work.Scope, t work.Timer) error {
	id, name, p, err := parseTimer(t.Key)
	if err != nil || t.Kind != TimerSLA {
		return fault.At("case: timer", fault.Field("timer", "want a timer of kind %s with a key of this package", TimerSLA))
	}
	_, err = m.cases.Change(ctx, &scope, work.Verb[Case]{
		Name: "timer", Event: p.kind(), ID: id, Args: t.Key,
		Apply: func(_ context.Context, c *work.Call, rec *Case) error {
			for _, k := range rec.clocks() {
				if k.name == name && m.passed(k, p, c.Now) {
					m.mark(c, k, p, time.Time{})
					c.Fact("clock", string(name))
					c.LineAt(*k.marks[p])
				}
			}
			return nil
		},
	})
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}
