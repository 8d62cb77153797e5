package work_test

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// note is the record that these tests write and read.
type note struct {
	schema.Meta

	Title  string        `json:"title" crm:"title,class=none,max=20,required,sort"`
	Author personal.Text `json:"author" crm:"author,class=name"`
	Card   personal.Text `json:"card" crm:"card,class=financial"`
	Stage  string        `json:"stage" crm:"stage,class=none,enum=open|done"`
}

// world is everything the engine needs, in memory, with a log of what was asked in which order.
type world struct {
	*work.Engine

	log    []string
	notes  map[ident.ID]note
	once   map[string]memory
	traces []work.Record
	access work.Access
	merged map[ident.ID]ident.ID // what notes were merged into
	reruns int                   // how often a transaction is repeated before it commits
	broken map[string]error
	entity *schema.Entity // defaults to notes
}

type memory struct {
	op, digest string
	ref        ident.Ref
}

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func newWorld() *world {
	w := &world{notes: map[ident.ID]note{}, once: map[string]memory{}, access: work.Access{Level: work.LevelAll}, broken: map[string]error{}}
	w.Engine = &work.Engine{
		Units: w, Policy: w, Recorder: w, Schemas: w, Rules: compiler{}, Cursors: w,
		Now: func() time.Time { return now }, NewID: ident.New,
	}
	return w
}

func (w *world) say(what string) error {
	w.log = append(w.log, what)
	return w.broken[what]
}

// Write keeps what fn did only when it ends well, and runs it again first when reruns says so.
func (w *world) Write(ctx context.Context, _ work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	for i := 0; ; i++ {
		notes, once, traces := maps.Clone(w.notes), maps.Clone(w.once), len(w.traces)
		err := fn(ctx, "tx")
		if err == nil && i == w.reruns {
			return nil
		}
		w.notes, w.once, w.traces = notes, once, w.traces[:traces]
		if err != nil {
			return err
		}
	}
}

func (w *world) Read(ctx context.Context, _ work.Unit, fn func(ctx context.Context, u work.Unit) error) error {
	return fn(ctx, "read")
}

var notes = schema.Of[note]("note")

func (w *world) Entity(context.Context, work.Unit, string, string) (*schema.Entity, error) {
	if w.entity != nil {
		return w.entity, nil
	}
	return notes, w.say("schema")
}

func (w *world) Access(_ context.Context, _ work.Scope, _ string, a work.Action) (work.Access, error) {
	if err := w.say("access " + string(a)); err != nil {
		return work.Access{}, err
	}
	return w.access, nil
}

func (w *world) Record(_ context.Context, u work.Unit, t work.Record) error {
	if u != "tx" {
		return fmt.Errorf("recorded on %v", u)
	}
	w.traces = append(w.traces, t)
	return w.say("record")
}

func (w *world) Digest(_ context.Context, tenant string, args any) ([]byte, error) {
	return fmt.Appendf(nil, "%s %v", tenant, args), w.say("digest")
}

func (w *world) Recall(_ context.Context, _ work.Unit, tenant, key, op string, digest []byte) (ident.Ref, bool, error) {
	m, ok := w.once[tenant+key]
	if ok && (m.op != op || m.digest != string(digest)) {
		f := fault.New(fault.Conflict, "the key was used for something else")
		f.Reason = "once"
		return ident.Ref{}, false, f
	}
	return m.ref, ok, w.say("recall")
}

func (w *world) Remember(_ context.Context, _ work.Unit, tenant, key, op string, digest []byte, ref ident.Ref, _ time.Time) error {
	w.once[tenant+key] = memory{op, string(digest), ref}
	return w.say("remember")
}

var codec, codecErr = page.NewCodec(make([]byte, page.KeySize))

func (w *world) Seal(_ context.Context, tenant string, p page.Position) (string, error) {
	return codec.Seal(tenant, p), codecErr
}

func (w *world) Open(_ context.Context, tenant, cursor string) (page.Position, error) {
	return codec.Open(tenant, cursor)
}

// compiler knows one expression over each of two fields.
type compiler struct{ program }

func (compiler) Compile(_ *rule.Env, src rule.Source) (rule.Program, error) {
	switch src.Expr {
	case "title == t":
		return program{"title"}, nil
	case "author == t":
		return program{"author"}, nil
	}
	return nil, fault.New(fault.Invalid, "unknown expression")
}

func (compiler) Check(*rule.Env, rule.Source) []rule.Issue { return nil }

type program struct{ field string }

func (p program) Fields() []string                            { return []string{p.field} }
func (p program) Args() []string                              { return []string{"t"} }
func (p program) Eval(rule.Record, rule.Input) rule.Outcome   { return rule.Unknown }
func (p program) Explain(rule.Record, rule.Input) *rule.Trace { return nil }
func (p program) Predicate(in rule.Input) (rule.Predicate, error) {
	return rule.Eq(p.field, in.Args["t"]), nil
}

// scope is a user of team emea, acting for sales.
func scope() work.Scope {
	return work.Scope{Principal: ident.User("acme", "u-17", "sales").InTeams("emea"), Purpose: personal.Sales}
}

// shelf is a store of the world's notes; whatever else it is asked is a mistake of the test.
type shelf struct {
	work.Store[note]
	w *world
}

func (s shelf) Get(_ context.Context, _ *work.Call, id ident.ID, how work.Fetch) (*note, error) {
	n, ok := s.w.notes[id]
	switch {
	case !ok:
		return nil, fault.New(fault.NotFound, "not on the shelf")
	case how == work.Lock:
		return &n, s.w.say("load")
	}
	return &n, s.w.say("get")
}

func (s shelf) GetMany(_ context.Context, _ *work.Call, ids []ident.ID) (out []note, err error) {
	for _, id := range ids {
		if n, ok := s.w.notes[id]; ok {
			out = append(out, n)
		} else {
			out = append(out, s.w.notes[s.w.merged[id]])
		}
	}
	return out, nil
}

func (s shelf) Save(_ context.Context, _ *work.Call, _, after *note) error {
	s.w.notes[after.ID] = *after
	return s.w.say("save")
}

func (w *world) records(store work.Store[note]) *work.Records[note, *note] {
	return work.NewRecords(w.Engine, &work.Kind{Entity: notes}, store)
}

// change is a write of a note: a creation without an id, else an update that expects a version.
func (w *world) change(id ident.ID, version int64, apply func(c *work.Call, n *note) error) work.Verb[note] {
	v := work.Verb[note]{Name: "update", ID: id, Version: version, Apply: func(_ context.Context, c *work.Call, n *note) error {
		if err := apply(c, n); err != nil {
			return err
		}
		return w.say("apply")
	}}
	if id.IsZero() {
		v.Name = "create"
	}
	return v
}

func (w *world) write(s work.Scope, v work.Verb[note]) (note, error) {
	if v.Name == "create" {
		return w.records(shelf{w: w}).Create(context.Background(), &s, v)
	}
	return w.records(shelf{w: w}).Update(context.Background(), &s, v)
}

// create stores a note and forgets how.
func (w *world) create() note {
	n, err := w.write(scope(), w.change(ident.ID{}, 0, func(_ *work.Call, n *note) error {
		n.Title, n.Stage, n.Author = "first", "open", personal.NewText(personal.Name, "Ada")
		n.Card = personal.NewText(personal.Financial, "4242")
		return nil
	}))
	if err != nil {
		panic(err)
	}
	w.log, w.traces = nil, nil
	return n
}

func title(s string) func(*work.Call, *note) error {
	return func(_ *work.Call, n *note) error {
		n.Title = s
		return nil
	}
}
