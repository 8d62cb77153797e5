package suite_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/access"
)

const boats = "object.boat"

// theLength is a field of boats.
var theLength = schema.Definition{Entity: boats, Key: "length", Type: rule.TypeFloat, Class: personal.None, Sortable: true}

// withBoats defines boats in this tenant, and in the one that tries to reach it.
func (w *world) withBoats() *world {
	w.Helper()
	for _, in := range []*world{w, w.in("umbrella")} {
		must[custom.Object](w)(in.s.Schema.DefineObject(w.Context(), custom.Object{Key: "boat", Label: "Boat"}))
		must[schema.Field](w)(in.s.Schema.Define(w.Context(), theLength))
	}
	return w
}

func boat(name string, of ident.ID, length float64) object.Draft {
	return object.Draft{Name: name, Customer: of, Custom: []schema.Set{schema.NewSet("custom.length", rule.Float(length))}}
}

func (w *world) boat() object.Object {
	w.Helper()
	w.withBoats()
	return must[object.Object](w)(w.s.Objects("boat").Create(w.Context(), boat(w.next(), w.person().ID, 11.5)))
}

// sailed is a method that is called with a boat, after verbs of others.
func sailed(name string, is nature, do func(ctx context.Context, o object.Objects, b *object.Object) (any, error),
	before ...func(ctx context.Context, o object.Objects, id ident.ID) error,
) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		b := w.boat()
		for _, prepare := range before {
			must[any](w)(only(prepare(w.Context(), w.s.Objects("boat"), b.ID)))
		}
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, s.Objects("boat"), &b) }
	}}
}

var objectVerbs = []verb{
	{name: "Schema.DefineObject", is: tends, arrange: func(w *world) call {
		key := w.next()
		return func(ctx context.Context, s *crm.Session) (any, error) {
			return on(s.Schema.DefineObject(ctx, custom.Object{Key: key}))
		}
	}},
	{name: "Schema.RetireObject", is: tends, arrange: func(w *world) call {
		key := w.next()
		must[custom.Object](w)(w.s.Schema.DefineObject(w.Context(), custom.Object{Key: key}))
		return func(ctx context.Context, s *crm.Session) (any, error) { return only(s.Schema.RetireObject(ctx, key)) }
	}},
	sailed("Objects.Create", writes, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Create(ctx, boat("after "+b.Name.Reveal(), b.Customer, 12)))
	}),
	sailed("Objects.Load", batches, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Load(ctx, rowsOf(boat("Sea Ghost", b.Customer, 9), boat("Sea Gull", b.Customer, 8)), nil))
	}),
	sailed("Objects.Get", reads, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Get(ctx, b.ID))
	}),
	sailed("Objects.Page", reads, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Page(ctx, object.Filter{Customer: b.Customer, Query: few}))
	}),
	sailed("Objects.All", reads, func(ctx context.Context, o object.Objects, _ *object.Object) (any, error) {
		return all(o.All(ctx, object.Filter{Query: page.Query{Sort: "-custom.length", Limit: 200}}))
	}), // which looks for those without a length, too
	sailed("Objects.Count", reads, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Count(ctx, page.Query{Search: b.Name.Reveal()}))
	}),
	sailed("Objects.History", reads, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.History(ctx, b.ID))
	}),
	sailed("Objects.Update", writes, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Update(ctx, b.ID, b.Version, object.Update{Name: new("renamed " + b.Name.Reveal()), Customer: new(ident.ID{})}))
	}),
	sailed("Objects.Delete", writes, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return only(o.Delete(ctx, b.ID, b.Version))
	}),
	sailed("Objects.Restore", writes, func(ctx context.Context, o object.Objects, b *object.Object) (any, error) {
		return on(o.Restore(ctx, b.ID))
	}, func(ctx context.Context, o object.Objects, id ident.ID) error {
		return o.Delete(ctx, id, schema.AnyVersion)
	}),
}

// A kind that a tenant defines while the program runs is a kind like every other: its fields are filtered, sorted and
// searched by, its customer's timeline has it, and files fill it.
func TestATenantDefinesAKind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, ada := t.Context(), w.person()
		fleet := w.withBoats().s.Objects("boat")
		for i, length := range []float64{11.5, 7.25, 20} {
			must[object.Object](w)(fleet.Create(ctx, boat(fmt.Sprint("Sea Ghost ", i), ada.ID, length)))
		}
		names := func(q page.Query) (out []string) {
			for b, err := range fleet.All(ctx, object.Filter{Query: q}) {
				require.NoError(t, err)
				out = append(out, b.Name.Reveal())
			}
			return out
		}
		require.Equal(t, []string{"Sea Ghost 2", "Sea Ghost 0", "Sea Ghost 1"}, names(page.Query{Sort: "-custom.length", Limit: 1}))
		require.Equal(t, []string{"Sea Ghost 0", "Sea Ghost 2"}, names(page.Query{Sort: "name", Where: page.Where{Expr: "custom.length > 10.0"}}))
		require.Equal(t, []string{"Sea Ghost 1"}, names(page.Query{Search: "ghost 1"}))

		flat := must[object.Object](w)(fleet.Create(ctx, boat("Flat", ada.ID, math.Copysign(0, -1))))
		for _, b := range []object.Object{flat, must[object.Object](w)(fleet.Get(ctx, flat.ID))} {
			length, ok := schema.NewKey[float64]("length").Get(b.Custom)
			require.True(t, ok)
			require.False(t, math.Signbit(length), "zero has no sign on any database")
		}

		first := must[page.Page[object.Object]](w)(fleet.Page(ctx, object.Filter{})).Items[0]
		require.NotContains(t, fmt.Sprintf("%+v", first), "Ghost", "a name may name people, so it never prints itself")

		line := must[page.Page[activity.Entry]](w)(w.s.Interactions.Timeline(ctx, ada.ID, page.Query{}))
		require.Equal(t, "object.boat.created", string(line.Items[0].Kind))
		require.Equal(t, boats, line.Items[0].Record.Entity)

		file := "name,custom.length,remarks\nSea Gull,8.5,x\nSea Lion,long,x\n"
		rep, err := transfer.Import(ctx, fleet.Import(), strings.NewReader(file), transfer.Mapping{Entity: boats, ByHeader: true, WithoutIDs: true}, nil)
		require.NoError(t, err)
		require.Equal(t, 1, rep.Created)
		require.Equal(t, []string{"remarks"}, rep.Unmapped)
		require.Contains(t, rep.Faults[0].String(), "line 3, custom.length: want a number")
		require.Equal(t, []string{"Sea Gull"}, names(page.Query{Where: page.Where{Expr: "custom.length == 8.5"}}))
	})
}

// A kind is there for the rest of the transaction that defines it, and gone with it.
func TestAKindIsDefinedInATransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		define := func(end error) error {
			return w.s.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
				must[custom.Object](w)(s.Schema.DefineObject(ctx, custom.Object{Key: "boat"}))
				must[schema.Field](w)(s.Schema.Define(ctx, theLength))
				b := must[object.Object](w)(s.Objects("boat").Create(ctx, boat("Sea Ghost", ident.ID{}, 11.5)))
				require.Equal(t, rule.Float(11.5), must[object.Object](w)(s.Objects("boat").Get(ctx, b.ID)).Custom.Get("length"))
				return end
			})
		}
		before := w.dump()
		require.ErrorIs(t, define(errBack), errBack)
		w.requireSame(before, "taken back")
		_, err := w.s.Objects("boat").Page(ctx, object.Filter{})
		requireField(t, err, "entity")
		require.NoError(t, define(nil))
		require.Len(t, must[page.Page[object.Object]](w)(w.s.Objects("boat").Page(ctx, object.Filter{})).Items, 1)
	})
}

// A field that is made sortable later sorts what the kind holds already, and no record of another kind.
func TestAnObjectsFieldIsMadeSortable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, kind := range []string{"boat", "car"} {
			must[custom.Object](w)(w.s.Schema.DefineObject(ctx, custom.Object{Key: kind}))
			plain := theLength
			plain.Entity, plain.Sortable = "object."+kind, false
			must[schema.Field](w)(w.s.Schema.Define(ctx, plain))
			for i := range 3 {
				must[object.Object](w)(w.s.Objects(kind).Create(ctx, boat(fmt.Sprint(kind, i), ident.ID{}, float64(3-i))))
			}
		}
		must[schema.Field](w)(w.s.Schema.Define(ctx, theLength))
		p := must[page.Page[object.Object]](w)(w.s.Objects("boat").Page(ctx, object.Filter{Query: page.Query{Sort: "custom.length"}}))
		require.Len(t, p.Items, 3)
		require.Equal(t, "boat2", p.Items[0].Name.Reveal())
		require.Len(t, w.query("SELECT record_id FROM crm_field_index WHERE tenant_id = 'acme'"), 3)
	})
}

// The record of one kind is not one of another, whichever way it is asked for.
func TestAnObjectIsOfOneKind(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, b := t.Context(), w.boat()
		must[custom.Object](w)(w.s.Schema.DefineObject(ctx, custom.Object{Key: "car"}))
		cars := w.s.Objects("car")
		before := w.dump()
		for name, err := range map[string]error{
			"get":     func() error { _, err := cars.Get(ctx, b.ID); return err }(),
			"update":  func() error { _, err := cars.Update(ctx, b.ID, b.Version, object.Update{Name: new("x")}); return err }(),
			"delete":  cars.Delete(ctx, b.ID, schema.AnyVersion),
			"history": func() error { _, err := cars.History(ctx, b.ID); return err }(),
		} {
			require.ErrorIs(t, err, fault.ErrNotFound, name)
		}
		require.Empty(t, must[page.Page[object.Object]](w)(cars.Page(ctx, object.Filter{})).Items)
		require.Empty(t, must[page.Page[object.Object]](w)(cars.Page(ctx, object.Filter{Query: page.Query{Search: b.Name.Reveal()}})).Items)
		require.Zero(t, must[int](w)(cars.Count(ctx, page.Query{})))
		require.Empty(t, must[[]schema.Aggregate](w)(must[crm.Records](w)(w.s.Records("object.car")).GetMany(ctx, b.ID)))
		w.requireSame(before, "another kind")
		require.NoError(t, w.s.Objects("boat").Delete(ctx, b.ID, b.Version))
		_, err := cars.Restore(ctx, b.ID)
		require.ErrorIs(t, err, fault.ErrNotFound, "restore")
	})
}

// What is not defined, retired, or only a family is refused by name, and nothing is written; a retired kind comes back with
// its records.
func TestObjectsThatAreNotThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, b := t.Context(), w.boat()
		before := w.dump()
		for key, want := range map[string]string{
			"boot": `did you mean "object.boat"?`, "spaceship": "define it with DefineObject", "": "such as object.boat", "a.b": "such as object.boat", "Boat": "",
		} {
			_, err := w.s.Objects(key).Create(ctx, boat("x", ident.ID{}, 1))
			requireField(t, err, "entity")
			require.ErrorContains(t, err, want)
		}
		_, err := w.s.Records("object")
		requireField(t, err, "kind")
		for field, define := range map[string]func() error{
			"entity": func() error {
				_, err := w.s.Schema.Define(ctx, schema.Definition{Entity: "object", Key: "x", Type: rule.TypeInt, Class: personal.None})
				return err
			},
			"key": func() error { _, err := w.s.Schema.DefineObject(ctx, custom.Object{Key: "Boat!"}); return err },
			"label": func() error {
				_, err := w.s.Schema.DefineObject(ctx, custom.Object{Key: "car", Label: strings.Repeat("x", 101)})
				return err
			},
			"retired": func() error {
				_, err := w.s.Schema.DefineObject(ctx, custom.Object{Key: "car", Retired: true})
				return err
			},
		} {
			requireField(t, define(), field)
		}
		retired := theLength
		retired.Retired = true
		_, err = w.s.Schema.Define(ctx, retired)
		requireField(t, err, "retired")
		_, err = w.s.Schema.Define(ctx, schema.Definition{Entity: "object.car", Key: "x", Type: rule.TypeInt, Class: personal.None})
		requireField(t, err, "entity")
		_, err = w.s.Schema.Define(ctx, schema.Definition{Entity: "customer.boat", Key: "x", Type: rule.TypeInt, Class: personal.None})
		requireField(t, err, "entity")
		require.ErrorIs(t, w.s.Schema.RetireObject(ctx, "car"), fault.ErrNotFound)
		w.requireSame(before, "refused")

		require.NoError(t, w.s.Schema.RetireObject(ctx, "boat"))
		_, err = w.s.Objects("boat").Get(ctx, b.ID)
		requireField(t, err, "entity")
		line := must[page.Page[activity.Entry]](w)(w.s.Interactions.Timeline(ctx, b.Customer, page.Query{}))
		require.NotEmpty(t, line.Items, "a timeline with one of a retired kind can be read")
		w.withBoats()
		require.Equal(t, b.Name.Reveal(), must[object.Object](w)(w.s.Objects("boat").Get(ctx, b.ID)).Name.Reveal())
	})
}

func requireField(t *testing.T, err error, field string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok && f.Code == fault.Invalid, "%v", err)
	require.Equal(t, field, f.Field)
}

// A right to objects is one to all of them; a right to one kind stands before it.
func TestRightsToObjects(t *testing.T) {
	t.Parallel()
	policy, err := access.New([]access.Role{
		{Name: "all", Rights: []access.Right{{Entity: "object", Read: work.LevelAll, Edit: work.LevelAll}}},
		{Name: "boats", Rights: []access.Right{{Entity: "object", Read: work.LevelAll}, {Entity: boats, Read: work.LevelOwn}}},
		{Name: "any", Rights: []access.Right{{Entity: access.EveryEntity, Read: work.LevelTeam}}},
	}, nil)
	require.NoError(t, err)
	for _, test := range []struct {
		entity string
		roles  []string
		read   work.Level
		edit   work.Level
	}{
		{boats, []string{"all"}, work.LevelAll, work.LevelAll},
		{boats, []string{"boats"}, work.LevelOwn, work.LevelNone},
		{"object.car", []string{"boats"}, work.LevelAll, work.LevelNone},
		{boats, []string{"any"}, work.LevelTeam, work.LevelNone},
		{boats, []string{"any", "boats"}, work.LevelTeam, work.LevelNone},
		{"object.car", []string{"any", "boats"}, work.LevelAll, work.LevelNone},
		{boats, []string{"all", "boats"}, work.LevelAll, work.LevelAll},
		{"objects", []string{"all"}, work.LevelNone, work.LevelNone},
		{"boat.object", []string{"all"}, work.LevelNone, work.LevelNone},
	} {
		r := policy.Right(test.entity, test.roles...)
		require.Equal(t, test.read, r.Read, "%s to %v", test.entity, test.roles)
		require.Equal(t, test.edit, r.Edit, "%s to %v", test.entity, test.roles)
	}
	_, err = policy.Access(t.Context(), work.Scope{Principal: ident.User("acme", "u-1", "boats"), Purpose: privacy.Sales}, "object.car", work.Read)
	require.NoError(t, err)
}
