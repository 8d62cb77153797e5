package faults_test

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/customer/object"
)

// objectSteps define a kind, keep records of it, and make one of its fields sortable.
func objectSteps() []step {
	on := func(name string, do func(ctx context.Context, p *play, o object.Objects) error) step {
		return step{name: name, run: func(ctx context.Context, p *play) error { return do(ctx, p, p.once().Objects("boat")) }}
	}
	field := func(sortable bool) func(ctx context.Context, p *play, o object.Objects) error {
		return func(ctx context.Context, p *play, _ object.Objects) error {
			return second(p.once().Schema.Define(ctx, schema.Definition{
				Entity: "object.boat", Key: "length", Type: rule.TypeInt, Class: personal.None, Sortable: sortable,
			}))
		}
	}
	boat := func(p *play, name string) object.Draft {
		return object.Draft{ID: p.id(name), Name: name, Customer: p.id("ada"), Custom: []schema.Set{schema.NewSet("custom.length", rule.Int(11))}}
	}
	return []step{
		on("define boats", func(ctx context.Context, p *play, _ object.Objects) error {
			return second(p.once().Schema.DefineObject(ctx, custom.Object{Key: "boat", Label: "Boat"}))
		}),
		on("give boats a length", field(false)),
		on("create a boat", func(ctx context.Context, p *play, o object.Objects) error {
			return second(o.Create(ctx, boat(p, "sea ghost")))
		}),
		on("load boats", func(ctx context.Context, p *play, _ object.Objects) error {
			var rows iter.Seq2[object.Draft, error] = func(yield func(object.Draft, error) bool) { yield(boat(p, "sea gull"), nil) }
			_, err := p.s.Objects("boat").Load(ctx, rows, nil) // the second time its id is taken
			return err
		}),
		on("sort boats by length", field(true)),
		on("rename a boat", func(ctx context.Context, p *play, o object.Objects) error {
			return second(o.Update(ctx, p.id("sea ghost"), 1, object.Update{Name: ptr("Sea Spirit")}))
		}),
		on("delete a boat", func(ctx context.Context, p *play, o object.Objects) error {
			return o.Delete(ctx, p.id("sea ghost"), schema.AnyVersion)
		}),
		on("restore a boat", func(ctx context.Context, p *play, o object.Objects) error {
			return second(o.Restore(ctx, p.id("sea ghost")))
		}),
		on("read boats", func(ctx context.Context, p *play, o object.Objects) error {
			list, err := o.Page(ctx, object.Filter{Customer: p.id("ada"), Query: page.Query{Sort: "-custom.length", Search: "sea"}})
			if err == nil && !slices.ContainsFunc(list.Items, func(b object.Object) bool { return b.ID == p.id("sea gull") }) {
				err = errors.New("the list has no sea gull")
			}
			return errors.Join(err, second(o.Count(ctx, page.Query{})), p.readKind(ctx, "object.boat", p.id("ada")))
		}),
		on("retire boats", func(ctx context.Context, p *play, _ object.Objects) error {
			return p.once().Schema.RetireObject(ctx, "boat")
		}),
	}
}
