package pipeline

import (
	"fmt"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/schema"
)

// Category is the fixed meaning of a stage, whatever a tenant calls it.
type Category string

// The categories.
const (
	Open    Category = "open"    // work goes on
	Omitted Category = "omitted" // work goes on or rests, but totals and forecasts leave it out
	Won     Category = "won"     // closed with success
	Lost    Category = "lost"    // closed without
)

// Valid reports whether c is one of the categories.
func (c Category) Valid() bool { return c == Open || c == Omitted || c.Closed() }

// Closed reports whether opportunities of the category are closed: won or lost.
func (c Category) Closed() bool { return c == Won || c == Lost }

// Full is a probability of one, in basis points.
const Full = 10000

// Limits of a definition.
const (
	MaxStages = 50 // stages of a pipeline
	MaxGates  = 20 // gates of a stage
)

// Gate is a condition for entering a stage.
type Gate struct {
	ID      string `json:"id"`                // names the gate in refusals and history, unique within the stage
	Expr    string `json:"expr"`              // CEL over the fields of the opportunity, such as `amount >= money("10000 EUR")`
	Message string `json:"message,omitempty"` // the author's words for a refusal, "" for none
}

// Stage is one step of a pipeline.
type Stage struct {
	Key         string   `json:"key"`             // unique within the pipeline, such as "proposal"
	Name        string   `json:"name"`            // for people; "" means the key
	Category    Category `json:"category"`        // what the stage means; "" means Open
	Probability int64    `json:"probability"`     // chance of winning in basis points: 10000 when won, 0 when lost
	Entry       []Gate   `json:"entry,omitempty"` // all must say yes before an opportunity enters
}

// Definition is a pipeline as its author writes it.
type Definition struct {
	Key    string  // names the pipeline for ever, such as "standard"
	Name   string  // for people; "" means the key
	Stages []Stage // in order; an opportunity starts in the first unless told otherwise
}

// Pipeline is one stored version of a definition. Meta.Version is the version of the definition.
type Pipeline struct {
	schema.Meta
	// Key names it for ever.
	Key string `json:"key" crm:"class=none,readonly,required,sort,max=64"`
	// Name is for people.
	Name string `json:"name" crm:"class=none,max=100"`
	// Stages are in order.
	Stages []Stage `json:"stages" crm:"class=none"`
}

// Stage returns the stage of a key; ok is false when there is none.
func (p *Pipeline) Stage(key string) (st Stage, ok bool) {
	if i := slices.IndexFunc(p.Stages, func(s Stage) bool { return s.Key == key }); i >= 0 {
		return p.Stages[i], true
	}
	return Stage{}, false
}

// First returns the first stage of a category; ok is false when there is none.
func (p *Pipeline) First(c Category) (st Stage, ok bool) {
	if i := slices.IndexFunc(p.Stages, func(s Stage) bool { return s.Category == c }); i >= 0 {
		return p.Stages[i], true
	}
	return Stage{}, false
}

// Definition returns the version as its author could have written it.
func (p *Pipeline) Definition() Definition {
	return Definition{Key: p.Key, Name: p.Name, Stages: cloneStages(p.Stages)}
}

// need is Stage with a fault that lists what there is.
func (p *Pipeline) need(key string) (Stage, error) {
	st, ok := p.Stage(key)
	if !ok {
		return st, fault.Field("stage", "pipeline %s version %d has no such stage: want one of %q", p.Key, p.Version, p.keys())
	}
	return st, nil
}

func (p *Pipeline) keys() []string {
	keys := make([]string, len(p.Stages))
	for i, st := range p.Stages {
		keys[i] = st.Key
	}
	return keys
}

// Validate returns every breach of shape in one Invalid fault. It does not compile the gates: [Pipelines.Define] does.
func (d Definition) Validate() error {
	var v fault.Violations
	v.AddAll("", schema.CheckWord("key", d.Key))
	v.AddAll("", schema.CheckText("name", d.Name, 100))
	if n := len(d.Stages); n < 3 || n > MaxStages {
		v.Add("stages", "want 3 to %d stages: at least one open, one won and one lost, have %d", MaxStages, n)
	}
	seen, count := map[string]bool{}, map[Category]int{}
	for i, st := range d.Stages {
		path := fmt.Sprintf("stages[%d]", i)
		if seen[st.Key] {
			v.Add(path+".key", "is used twice")
		}
		seen[st.Key] = true
		count[st.category()]++
		st.validate(&v, path)
	}
	for _, c := range []Category{Open, Won, Lost} {
		if count[c] == 0 {
			v.Add("stages", "want at least one stage of category %s", c)
		}
	}
	if len(d.Stages) > 0 && d.Stages[0].category() != Open {
		v.Add("stages[0].category", "the first stage must be open: new opportunities start there")
	}
	return v.Err()
}

func (st Stage) category() Category {
	if st.Category == "" {
		return Open
	}
	return st.Category
}

func (st Stage) validate(v *fault.Violations, path string) {
	v.AddAll(path, schema.CheckWord("key", st.Key))
	v.AddAll(path, schema.CheckText("name", st.Name, 100))
	switch c := st.category(); {
	case !c.Valid():
		v.Add(path+".category", "want open, omitted, won or lost")
	case c == Won && st.Probability != Full:
		v.Add(path+".probability", "want %d basis points for a won stage, have %d", Full, st.Probability)
	case c == Lost && st.Probability != 0:
		v.Add(path+".probability", "want 0 for a lost stage, have %d", st.Probability)
	case st.Probability < 0 || st.Probability > Full:
		v.Add(path+".probability", "want 0 to %d basis points, have %d", Full, st.Probability)
	}
	if n := len(st.Entry); n > MaxGates {
		v.Add(path+".entry", "want at most %d gates, have %d", MaxGates, n)
	}
	seen := map[string]bool{}
	for j, g := range st.Entry {
		at := fmt.Sprintf("%s.entry[%d]", path, j)
		v.AddAll(at, schema.CheckWord("id", g.ID))
		if seen[g.ID] {
			v.Add(at+".id", "is used twice in this stage")
		}
		seen[g.ID] = true
		if g.Expr == "" {
			v.Add(at+".expr", "want a condition in CEL, such as amount != null")
		}
		v.AddAll(at, schema.CheckText("message", g.Message, 500))
	}
}

// complete fills the names and categories that the author left to their defaults.
func (d Definition) complete() Definition {
	if d.Name == "" {
		d.Name = d.Key
	}
	d.Stages = cloneStages(d.Stages)
	for i := range d.Stages {
		st := &d.Stages[i]
		st.Category = st.category()
		if st.Name == "" {
			st.Name = st.Key
		}
	}
	return d
}

func cloneStages(in []Stage) []Stage {
	out := slices.Clone(in)
	for i := range out {
		out[i].Entry = slices.Clone(out[i].Entry)
	}
	return out
}

// Standard returns the pipeline that is used where nothing else is named: prospecting, qualification, proposal (which
// asks for an amount), negotiation, won, lost.
func Standard() Definition {
	return Definition{Key: "standard", Name: "Standard", Stages: []Stage{
		{Key: "prospecting", Name: "Prospecting", Category: Open, Probability: 1000},
		{Key: "qualification", Name: "Qualification", Category: Open, Probability: 2500},
		{Key: "proposal", Name: "Proposal", Category: Open, Probability: 5000, Entry: []Gate{{
			ID: "proposal-needs-amount", Expr: "amount != null", Message: "A proposal needs an amount.",
		}}},
		{Key: "negotiation", Name: "Negotiation", Category: Open, Probability: 7500},
		{Key: "won", Name: "Won", Category: Won, Probability: Full},
		{Key: "lost", Name: "Lost", Category: Lost},
	}}
}
