package boundary

import (
	"context"
	"maps"
	"strconv"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
)

// maxDepth is how many events may follow from one another by way of plugins.
const maxDepth = 8

// depthFact counts, in the facts of what plugins do about events, how many events led to this one. No plugin can
// declare a fact of this name.
const depthFact = "plugin.depth"

// depthKey is the context key of the depth of what a handler does about an event.
type depthKey struct{}

// Recorder counts how many events of plugins led to an event, and ends circles: whatever a plugin does about an
// event, its own events, interactions and claims, is refused when too many led to it.
func Recorder(base work.Recorder) work.Recorder {
	if bulk, ok := base.(work.BulkRecorder); ok {
		return struct {
			*recorder
			work.BulkRecorder
		}{&recorder{base}, bulk} // plugins load nothing in bulk
	}
	return &recorder{base}
}

type recorder struct{ work.Recorder }

// Record implements [work.Recorder].
//
// Errors: LimitExceeded with reason "depth" for a circle.
func (r *recorder) Record(ctx context.Context, u work.Unit, t work.Record) error {
	depth, _ := ctx.Value(depthKey{}).(int)
	if depth > maxDepth {
		f := fault.New(fault.LimitExceeded, "this follows from %d events by way of plugins: they call each other in a circle", maxDepth)
		f.Reason = "depth"
		return f
	}
	if depth > 0 {
		events := make([]event.Event, len(t.Events))
		for i, e := range t.Events {
			e.Facts = maps.Clone(e.Facts)
			if e.Facts == nil {
				e.Facts = map[string]string{}
			}
			e.Facts[depthFact] = strconv.Itoa(depth)
			events[i] = e
		}
		t.Events = events
	}
	return r.Recorder.Record(ctx, u, t)
}
