package customerstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/customer"
)

var (
	tier = schema.NewKey[string]("tier")
	size = schema.NewKey[int64]("size")
)

// define adds two custom fields of customers.
func (l *lab) define(t testing.TB) {
	t.Helper()
	fields := l.Fields.In(new(scope(admin)))
	for _, d := range []schema.Definition{
		{Entity: customer.EntityCustomer, Key: "tier", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold", "silver"}},
		{Entity: customer.EntityCustomer, Key: "size", Type: rule.TypeInt, Class: personal.None, Sortable: true},
	} {
		_, err := fields.Define(t.Context(), d)
		require.NoError(t, err)
	}
}

func TestCustomFields(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.define(t)
		c, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "ACME", Custom: []schema.Set{tier.Set("gold"), size.Set(7)}})
		require.NoError(t, err)
		c, err = l.all().Update(ctx, c.ID, 0, customer.Update{Custom: []schema.Set{tier.Set("silver"), size.Clear()}})
		require.NoError(t, err)
		c, err = l.all().Get(ctx, c.ID)
		require.NoError(t, err)
		v, ok := tier.Get(c.Custom)
		require.True(t, ok)
		require.Equal(t, "silver", v)
		_, ok = size.Get(c.Custom)
		require.False(t, ok)
		for _, bad := range []schema.Set{tier.Set("tin"), schema.NewKey[string]("teir").Set("gold"), schema.NewKey[string]("size").Set("x")} {
			_, err = l.all().Update(ctx, c.ID, 0, customer.Update{Custom: []schema.Set{bad}})
			require.ErrorIs(t, err, fault.ErrInvalid)
		}
	})
}

// Every sort and direction gives the order of an oracle, page by page, without a record lost or shown twice.
func TestC1PagesInEveryOrder(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	each(t, func(t *testing.T, l *lab) {
		r := rand.New(rand.NewPCG(seed, 2))
		l.define(t)
		words := []string{"Zoe", "ada", "Ada", "Ádám", "O'Brien-李", "李", "北京", "ß", "ss", "z z", "Z-z", ""}
		stages := customer.DefaultLifecycle()
		for i := range 60 {
			l.Advance(time.Duration(r.IntN(3)) * time.Microsecond)
			d := customer.PersonDraft{Name: words[r.IntN(len(words))], Ext: []ident.Ext{{System: "n", ID: fmt.Sprint(i)}}}
			if r.IntN(3) > 0 {
				d.Custom = []schema.Set{size.Set(r.Int64N(7) - 3)}
			}
			c, err := l.all().Create(t.Context(), d)
			require.NoError(t, err)
			if r.IntN(2) == 0 {
				_, err = l.all().MoveLifecycle(t.Context(), c.ID, stages[r.IntN(len(stages))], "")
				require.NoError(t, err)
			}
		}
		everybody := l.list(t, customer.Filter{Query: page.Query{Limit: 1000}})
		require.Len(t, everybody, 60)
		for _, field := range []string{"", "id", "name", "kind", "lifecycle", "created_at", "updated_at", "custom.size"} {
			for _, dir := range []string{"", "-"} {
				if field == "" && dir == "-" {
					continue
				}
				want := slices.Clone(everybody)
				slices.SortFunc(want, func(a, b customer.Customer) int { return before(field, dir == "-", &a, &b) })
				got := l.list(t, customer.Filter{Query: page.Query{Sort: dir + field, Limit: 7}})
				require.Equal(t, ids(want), ids(got), dir+field)
			}
		}
		_, err := l.all().Page(t.Context(), customer.Filter{Query: page.Query{Sort: "given"}})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

func (l *lab) list(t testing.TB, f customer.Filter) []customer.Customer {
	t.Helper()
	var out []customer.Customer
	for c, err := range l.all().All(t.Context(), f) {
		require.NoError(t, err)
		out = append(out, c)
	}
	return out
}

// before is the oracle: blank keys last in either direction, ties by id in the direction of the sort.
func before(field string, desc bool, a, b *customer.Customer) int {
	x, y := sortKey(field, a), sortKey(field, b)
	sign := 1
	if desc {
		sign = -1
	}
	switch {
	case x == nil && y == nil:
		return sign * a.ID.Compare(b.ID)
	case x == nil:
		return 1
	case y == nil:
		return -1
	}
	if o := strings.Compare(*x, *y); o != 0 {
		return sign * o
	}
	return sign * a.ID.Compare(b.ID)
}

func sortKey(field string, c *customer.Customer) *string {
	var s string
	switch field {
	case "name":
		if s = c.SortName(); s == "" {
			return nil
		}
	case "kind":
		s = string(c.Kind)
	case "lifecycle":
		s = c.Lifecycle
	case "created_at":
		s = fmt.Sprintf("%020d", c.CreatedAt.UnixMicro())
	case "updated_at":
		s = fmt.Sprintf("%020d", c.UpdatedAt.UnixMicro())
	case "custom.size":
		n, ok := size.Get(c.Custom)
		if !ok {
			return nil
		}
		s = fmt.Sprintf("%020d", n+1000)
	}
	return &s
}

func TestFilters(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		l.define(t)
		gold, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "Gold's 50% Inc_", Country: "DE", Custom: []schema.Set{tier.Set("gold"), size.Set(10)}})
		require.NoError(t, err)
		silver, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "Silver", OwnerUser: "ann", OwnerTeam: "north", Custom: []schema.Set{tier.Set("silver")}})
		require.NoError(t, err)
		ada := l.person(t, "Ada", "O'Brien-李", "a@b.de")
		_, err = l.all().MoveLifecycle(ctx, ada.ID, customer.StageLoyal, "")
		require.NoError(t, err)

		for name, c := range map[string]struct {
			filter customer.Filter
			want   []ident.ID
		}{
			"kinds":     {customer.Filter{Kinds: []customer.Kind{customer.Person}}, []ident.ID{ada.ID}},
			"lifecycle": {customer.Filter{Lifecycle: []string{customer.StageLoyal, customer.StageLost}}, []ident.ID{ada.ID}},
			"user":      {customer.Filter{OwnerUser: "ann"}, []ident.ID{silver.ID}},
			"team":      {customer.Filter{OwnerTeam: "north"}, []ident.ID{silver.ID}},
			"tier":      {where("custom.tier == t", "t", "gold"), []ident.ID{gold.ID}},
			"not tier":  {where("custom.tier != t", "t", "gold"), []ident.ID{silver.ID, ada.ID}},
			"size":      {where("custom.size >= n", "n", 10), []ident.ID{gold.ID}},
			"blank":     {where("custom.size == null", "", nil), []ident.ID{silver.ID, ada.ID}},
			"name":      {where("family == n", "n", "O'Brien-李"), []ident.ID{ada.ID}},
			"percent":   {where("name.contains(n)", "n", "50% Inc_"), []ident.ID{gold.ID}},
			"wildcards": {where("name.contains(n)", "n", "%I_c"), nil},
			"country":   {where("country == 'DE' && kind == 'organization'", "", nil), []ident.ID{gold.ID}},
		} {
			got := l.list(t, c.filter)
			require.Len(t, got, len(c.want), name)
			require.ElementsMatch(t, c.want, append([]ident.ID(nil), ids(got)...), name)
			n, err := l.all().Count(ctx, c.filter)
			require.NoError(t, err)
			require.Equal(t, len(c.want), n, name)
		}
		for name, f := range map[string]customer.Filter{
			"syntax": where("name ==", "", nil), "unknown": where("nme == 'x'", "", nil), "points": where("points.value == 'a@b.de'", "", nil),
		} {
			_, err := l.all().Page(ctx, f)
			require.ErrorIs(t, err, fault.ErrInvalid, name)
			_, err = l.all().Count(ctx, f)
			require.ErrorIs(t, err, fault.ErrInvalid, name)
		}
	})
}

func where(expr, arg string, v any) customer.Filter {
	w := page.Where{Expr: expr}
	if arg != "" {
		w.Args = map[string]any{arg: v}
	}
	return customer.Filter{Query: page.Query{Where: w}}
}
