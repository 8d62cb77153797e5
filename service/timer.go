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
func (s *Module) Fire(ctx context.Context, scope work.Scope, t work.Timer) error {
	id, name, p, err := parseTimer(t.Key)
	if err != nil || t.Kind != TimerSLA {
		return fault.At("case: timer", fault.Field("timer", "want a timer of kind %s with a key of this package", TimerSLA))
	}
	cases := Cases{s, scope}
	var log *journal
	_, err = cases.write(ctx, work.Change[Case]{
		Op: "case: timer", Action: work.Edit, Kind: p.kind(), ID: id, Args: t.Key, Load: cases.lock(id),
		Apply: func(_ context.Context, c *work.Call, rec *Case) error {
			log = &journal{}
			for _, k := range rec.clocks() {
				if k.name == name && s.passed(k, p, c.Now) {
					s.mark(c, k, p, log, time.Time{})
					c.Fact("clock", string(name))
					c.Line(rec.Customer, *k.marks[p])
				}
			}
			return nil
		},
	}, &log)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}
