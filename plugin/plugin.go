package plugin

import (
	"context"
	"slices"
	"sync"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
)

// ActionFunc is the handler of an action. ctx ends at the action's deadline. An error that holds a [*fault.Error]
// reaches the caller as that fault; of any other the caller learns that it is Internal and nobody its words: log them
// with [Host.Log]. It must not hold personal data.
type ActionFunc func(ctx context.Context, h Host, req Request) (Reply, error)

// EventFunc is the handler of an event. nil acknowledges the event, an error made by [Reject] gives it up, and any
// other error asks for another delivery; of it the host keeps a code, not the words. A panic counts as an error. ctx
// ends when the host stops waiting: a handler that goes on regardless is handed the event again beside itself.
type EventFunc func(ctx context.Context, h Host, e Event) error

// Plugin is an extension: its registrations and their handlers. Register everything before giving it to a host;
// registering is not safe for concurrent use. A Plugin is itself an in-process [Extension].
type Plugin struct {
	manifest Manifest
	actions  map[string]ActionFunc
	events   map[event.Kind]EventFunc

	mu      sync.Mutex
	connect Connect
	work    sync.WaitGroup
}

var _ Extension = (*Plugin)(nil)

// New returns a plugin without registrations. What is wrong with its registrations, [Manifest.Validate] says.
func New(info Info) *Plugin {
	return &Plugin{
		manifest: Manifest{Contract: Contract, ID: info.ID, Namespace: info.Namespace, Version: info.Version, Title: info.Title},
		actions:  map[string]ActionFunc{},
		events:   map[event.Kind]EventFunc{},
	}
}

// Purpose declares why the plugin needs data. Reads, actions and subscriptions name a declared purpose.
func (p *Plugin) Purpose(why Purpose) { p.manifest.Purposes = append(p.manifest.Purposes, why) }

// Reads declares fields of an entity that the plugin reads for a purpose. Without fields it reads ids only. Declared
// again for the same entity and purpose, the fields add up.
func (p *Plugin) Reads(entity string, why personal.Purpose, fields ...string) {
	for i, g := range p.manifest.Reads {
		if g.Entity == entity && g.Purpose == why {
			p.manifest.Reads[i].Fields = append(slices.Clone(g.Fields), fields...)
			return
		}
	}
	p.manifest.Reads = append(p.manifest.Reads, Grant{Entity: entity, Purpose: why, Fields: slices.Clone(fields)})
}

// LogsInteractions declares that the plugin puts interactions on customers' timelines.
func (p *Plugin) LogsInteractions() { p.manifest.Writes = append(p.manifest.Writes, WriteInteraction) }

// Claims declares a namespace of claims, which must begin with the plugin's own and a dot: "exh.booth".
func (p *Plugin) Claims(namespace string) { p.manifest.Claims = append(p.manifest.Claims, namespace) }

// Emits declares a kind of event of the plugin's own, such as "exh.booth_sold", and the facts it may carry.
func (p *Plugin) Emits(kind event.Kind, facts ...string) {
	p.manifest.Emits = append(p.manifest.Emits, Emission{Kind: kind, Facts: slices.Clone(facts)})
}

// Action declares an action and its handler. It panics without a handler.
func (p *Plugin) Action(a Action, do ActionFunc) {
	if do == nil {
		panic("plugin: Action " + a.Name + " needs a handler")
	}
	p.manifest.Actions = append(p.manifest.Actions, a)
	p.actions[a.Name] = do
}

// On subscribes to a kind of event, one handler each. Reads must declare the fields of its projection for its purpose,
// too. It panics without a handler.
func (p *Plugin) On(s Subscription, do EventFunc) {
	if do == nil {
		panic("plugin: On " + string(s.Kind) + " needs a handler")
	}
	p.manifest.Events = append(p.manifest.Events, s)
	p.events[s.Kind] = do
}

// Manifest returns the contract that the registrations make, its lists in canonical order.
func (p *Plugin) Manifest() Manifest { return p.manifest.sorted() }

// Start implements [Extension]. It returns an Invalid fault when the manifest does not validate.
func (p *Plugin) Start(_ context.Context, connect Connect) error {
	if err := p.manifest.Validate(); err != nil {
		return fault.At("plugin: start", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connect = connect
	return nil
}

// Stop implements [Extension].
func (p *Plugin) Stop(ctx context.Context) error {
	p.mu.Lock()
	p.connect = nil
	p.mu.Unlock()

	idle := make(chan struct{})
	go func() {
		p.work.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, ctx.Err(), "plugin: stop: handlers are still at work")
	}
}

// begin counts work in; done must be called when it is non-nil.
func (p *Plugin) begin() (connect Connect, done func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.connect == nil {
		f := fault.New(fault.Unavailable, "the plugin is not started")
		f.Reason = "not_started"
		return nil, nil, f
	}
	p.work.Add(1)
	return p.connect, p.work.Done, nil
}
