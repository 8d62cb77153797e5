package store_test

import (
	"cmp"
	"context"
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
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/internal/store"
)

// thing is a record with a nullable text, a nullable number, a time that is always there, and custom fields.
type thing struct {
	schema.Meta
	Name   string        `crm:"name,class=none,sort"`
	Amount int64         `crm:"amount,class=none,sort"`
	Custom schema.Values `crm:"custom"`
}

type thingRow struct {
	ID        store.ID   `bun:"id"`
	Name      string     `bun:"name"`
	Amount    *int64     `bun:"amount"`
	UpdatedAt store.Time `bun:"updated_at"`
	Custom    store.JSON `bun:"custom"`
}

func thingEntity(t *testing.T) *schema.Entity {
	t.Helper()
	e, err := schema.Of[thing]("thing").With(
		schema.Definition{Entity: "thing", Key: "tier", Type: rule.TypeText, Class: personal.None, Sortable: true}.Field(),
		schema.Definition{Entity: "thing", Key: "size", Type: rule.TypeFloat, Class: personal.None, Sortable: true}.Field(),
		schema.Definition{Entity: "thing", Key: "since", Type: rule.TypeTime, Class: personal.None}.Field(),
		schema.Definition{Entity: "thing", Key: "tags", Type: rule.TypeTexts, Class: personal.None}.Field(),
		schema.Definition{Entity: "thing", Key: "price", Type: rule.TypeMoney, Class: personal.None}.Field(),
		schema.Definition{Entity: "thing", Key: "vip", Type: rule.TypeBool, Class: personal.None}.Field(),
	)
	require.NoError(t, err)
	return e
}

// makeThings creates the table in the test's own database.
func makeThings(t *testing.T, b dbtest.Backend) {
	t.Helper()
	ddl := `CREATE TABLE crm_zz_thing (tenant_id text COLLATE "C" NOT NULL, id uuid NOT NULL, name text COLLATE "C", amount bigint,
		updated_at timestamptz NOT NULL, custom jsonb, PRIMARY KEY (tenant_id, id))`
	if b.Name == "sqlite" {
		ddl = `CREATE TABLE crm_zz_thing (tenant_id TEXT NOT NULL, id BLOB NOT NULL, name TEXT, amount INTEGER,
		updated_at INTEGER NOT NULL, custom TEXT, PRIMARY KEY (tenant_id, id))`
	}
	statements := []string{ddl}
	if b.Name == "partitioned" {
		statements = dbtest.PartitionByTenant(ddl)
	}
	statements = append(statements,
		"CREATE INDEX crm_zz_thing_name ON crm_zz_thing (tenant_id, name, id)",
		"CREATE INDEX crm_zz_thing_amount ON crm_zz_thing (tenant_id, amount, id)",
		"CREATE INDEX crm_zz_thing_updated ON crm_zz_thing (tenant_id, updated_at, id)")
	for _, s := range statements {
		_, err := b.Write.ExecContext(t.Context(), s)
		require.NoError(t, err)
	}
}

func things(b dbtest.Backend, e *schema.Entity, l work.Listing) store.ListSpec {
	return store.ListSpec{
		Name: "test.things", Tenant: "acme", Select: "r.id, r.name, r.amount, r.updated_at, r.custom", From: "crm_zz_thing r", Alias: "r",
		Columns: store.Columns{Dialect: b.Dialect, Custom: "r.custom", Entity: e, Table: map[string]rule.Column{
			"id":         {Expr: "r.id", Type: rule.TypeID, Can: rule.CanEqual | rule.CanSort},
			"name":       {Expr: "r.name", Type: rule.TypeText, Can: rule.CanAll},
			"amount":     {Expr: "r.amount", Type: rule.TypeInt, Can: rule.CanAll},
			"updated_at": {Expr: "r.updated_at", Type: rule.TypeTime, Can: rule.CanAll},
		}},
		NotNull: []string{"updated_at"},
		Listing: l,
	}
}

// seedThings stores n records with many ties and blanks, and a stranger's record with each key.
func seedThings(t *testing.T, b dbtest.Backend, e *schema.Entity, n int) []*thing {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := []string{"", "Zoe", "ada", "Ada", "Äpfel", "zz", "a%b_c", "中文", "Ada"}
	var out []*thing
	require.NoError(t, b.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
		conn := b.DB.On(u)
		var rows [][]any
		for range n {
			th := &thing{Name: words[r.IntN(len(words))], Amount: r.Int64N(5) - 2}
			th.ID, th.UpdatedAt = ident.New(), instant.Add(time.Duration(r.IntN(7))*time.Microsecond)
			th.Custom.Set("tier", rule.Text(words[r.IntN(len(words))]))
			if r.IntN(3) > 0 {
				th.Custom.Set("size", rule.Float(float64(r.IntN(9)-4)/2))
			}
			for i, tenant := range []string{"acme", "other"} {
				id := th.ID
				if i > 0 {
					id = ident.New()
				}
				rows = append(rows, []any{tenant, id, store.OrNull(th.Name), store.OrNull(th.Amount), th.UpdatedAt, store.JSON(th.Custom.Encode())})
				if err := conn.IndexCustom(tenant, e, id, schema.Values{}, th.Custom); err != nil {
					return err
				}
			}
			out = append(out, th)
		}
		got, err := conn.BulkLoad(ctx, "crm_zz_thing", []string{"tenant_id", "id", "name", "amount", "updated_at", "custom"}, func(yield func([]any, error) bool) {
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
		})
		require.EqualValues(t, len(rows), got)
		return err
	}))
	return out
}

// sortKeys is the oracle: how the values of each field compare.
var sortKeys = map[string]func(a, b *thing) (order int, aBlank, bBlank bool){
	"id": func(a, b *thing) (int, bool, bool) { return 0, false, false },
	"name": func(a, b *thing) (int, bool, bool) {
		return strings.Compare(a.Name, b.Name), a.Name == "", b.Name == ""
	},
	"amount": func(a, b *thing) (int, bool, bool) {
		return cmp.Compare(a.Amount, b.Amount), a.Amount == 0, b.Amount == 0
	},
	"updated_at": func(a, b *thing) (int, bool, bool) { return a.UpdatedAt.Compare(b.UpdatedAt), false, false },
	"custom.tier": func(a, b *thing) (int, bool, bool) {
		x, y := a.Custom.Get("tier"), b.Custom.Get("tier")
		return strings.Compare(x.Text(), y.Text()), x.IsBlank(), y.IsBlank()
	},
	"custom.size": func(a, b *thing) (int, bool, bool) {
		x, y := a.Custom.Get("size"), b.Custom.Get("size")
		return cmp.Compare(x.Float(), y.Float()), x.IsBlank(), y.IsBlank()
	},
}

func sorted(list []*thing, field string, desc bool) []ident.ID {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *thing) int {
		order, x, y := sortKeys[field](a, b)
		switch {
		case x && y:
			order = 0
		case x:
			return 1
		case y:
			return -1
		}
		if order = cmp.Or(order, a.ID.Compare(b.ID)); desc {
			return -order
		}
		return order
	})
	ids := make([]ident.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

func TestListIsInOrderOverPages(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		e := thingEntity(t)
		makeThings(t, b)
		all := seedThings(t, b, e, 150)
		by := map[ident.ID]*thing{}
		for _, th := range all {
			by[th.ID] = th
		}
		for field := range sortKeys {
			for _, desc := range []bool{false, true} {
				for _, size := range []int{1, 7, 1000} {
					l := work.Listing{Sort: page.Sort{Field: field, Desc: desc}, Limit: size}
					var got []ident.ID
					for len(got) <= len(all) {
						var rows []thingRow
						require.NoError(t, b.DB.On(nil).SelectList(t.Context(), things(b, e, l), &rows))
						for _, r := range rows {
							got = append(got, ident.ID(r.ID))
						}
						if len(rows) < size {
							break
						}
						l.After = position(t, e, by[got[len(got)-1]], field)
					}
					require.Equal(t, sorted(all, field, desc), got, "%s desc=%v size=%d", field, desc, size)
				}
			}
		}
	})
}

func position(t *testing.T, e *schema.Entity, th *thing, field string) *page.Position {
	t.Helper()
	v := e.Record(th).Field(field)
	if field == "amount" && th.Amount == 0 || field == "name" && th.Name == "" {
		v = rule.Blank
	}
	key, err := v.MarshalBinary()
	require.NoError(t, err)
	return &page.Position{ID: th.ID, Blank: v.IsBlank(), Key: key}
}

func TestListFilters(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		e := thingEntity(t)
		makeThings(t, b)
		all := seedThings(t, b, e, 60)
		for name, c := range map[string]struct {
			where rule.Predicate
			want  func(th *thing) bool
		}{
			"text":        {rule.Eq("name", rule.Text("Ada")), func(th *thing) bool { return th.Name == "Ada" }},
			"starts":      {rule.StartsWith("name", "a%"), func(th *thing) bool { return strings.HasPrefix(th.Name, "a%") }},
			"ends":        {rule.EndsWith("name", "文"), func(th *thing) bool { return strings.HasSuffix(th.Name, "文") }},
			"contains":    {rule.Contains("name", "d"), func(th *thing) bool { return strings.Contains(th.Name, "d") }},
			"blank":       {rule.Eq("name", rule.Blank), func(th *thing) bool { return th.Name == "" }},
			"range":       {rule.Ge("amount", rule.Int(1)), func(th *thing) bool { return th.Amount >= 1 }},
			"time":        {rule.Gt("updated_at", rule.Time(instant.Add(2*time.Microsecond))), func(th *thing) bool { return th.UpdatedAt.After(instant.Add(2 * time.Microsecond)) }},
			"custom text": {rule.Eq("custom.tier", rule.Text("zz")), func(th *thing) bool { return th.Custom.Get("tier").Text() == "zz" }},
			"custom float": {rule.Lt("custom.size", rule.Float(0)), func(th *thing) bool {
				return th.Custom.Get("size").Float() < 0
			}},
			"custom blank": {rule.Eq("custom.size", rule.Blank), func(th *thing) bool { return th.Custom.Get("size").IsBlank() }},
			"both": {rule.All(rule.Not(rule.Eq("name", rule.Text("zz"))), rule.In("amount", rule.Int(1), rule.Int(2))), func(th *thing) bool {
				return th.Name != "zz" && th.Amount > 0
			}},
			"none": {rule.False(), func(*thing) bool { return false }},
		} {
			t.Run(name, func(t *testing.T) {
				l := work.Listing{Where: c.where, Sort: page.Sort{Field: "id"}, Limit: 1000}
				var rows []thingRow
				require.NoError(t, b.DB.On(nil).SelectList(t.Context(), things(b, e, l), &rows))
				var got, want []ident.ID
				for _, r := range rows {
					got = append(got, ident.ID(r.ID))
				}
				for _, th := range all {
					if c.want(th) {
						want = append(want, th.ID)
					}
				}
				slices.SortFunc(want, ident.ID.Compare)
				require.Equal(t, want, got)
				n, err := b.DB.On(nil).CountList(t.Context(), things(b, e, l), 1000)
				require.NoError(t, err)
				require.EqualValues(t, len(want), n)
				n, err = b.DB.On(nil).CountList(t.Context(), things(b, e, l), 3)
				require.NoError(t, err)
				require.EqualValues(t, min(len(want), 3), n)
			})
		}
	})
}

func TestListRefusesWhatItCannotSort(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		e := thingEntity(t)
		makeThings(t, b)
		for _, field := range []string{"owner_user", "custom.since", "custom.tags", "custom.no", "custom.'; DROP", "no"} {
			var rows []thingRow
			err := b.DB.On(nil).SelectList(t.Context(), things(b, e, work.Listing{Sort: page.Sort{Field: field}, Limit: 1}), &rows)
			require.Equal(t, fault.Invalid, fault.CodeOf(err), field)
		}
		for _, key := range [][]byte{nil, {0}, {99, 1}, []byte("x")} {
			var rows []thingRow
			for _, field := range []string{"name", "custom.tier"} {
				l := work.Listing{Sort: page.Sort{Field: field}, Limit: 1, After: &page.Position{ID: ident.New(), Key: key}}
				err := b.DB.On(nil).SelectList(t.Context(), things(b, e, l), &rows)
				require.Equal(t, fault.Invalid, fault.CodeOf(err), "%v", key)
			}
		}
	})
}

func TestListUsesIndexes(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		e := thingEntity(t)
		makeThings(t, b)
		all := seedThings(t, b, e, 3000)
		_, err := b.Write.ExecContext(t.Context(), "ANALYZE")
		require.NoError(t, err)
		for field, index := range map[string]string{
			"name": "crm_zz_thing_name", "amount": "crm_zz_thing_amount", "updated_at": "crm_zz_thing_updated", "custom.tier": "crm_field_index_order",
		} {
			for _, desc := range []bool{false, true} {
				th := all[1500]
				th.Name, th.Amount = cmp.Or(th.Name, "m"), cmp.Or(th.Amount, 1)
				th.Custom.Set("tier", rule.Text("zz"))
				l := work.Listing{Sort: page.Sort{Field: field, Desc: desc}, Limit: 11, After: position(t, e, th, field)}
				if field == "updated_at" && desc {
					l.After = nil
				}
				for _, plan := range plans(t, b, things(b, e, l)) {
					require.NotRegexp(t, `(?i)\bsort\b|TEMP B-TREE|Seq Scan|SCAN r\b`, plan, "%s desc=%v", field, desc)
					if !strings.Contains(plan, "blank part") {
						require.Regexp(t, index+`|p[0-3]_tenant_id_`, plan)
					}
				}
			}
		}
	})
}

// plans explains every statement of a page.
func plans(t *testing.T, b dbtest.Backend, l store.ListSpec) []string {
	t.Helper()
	var out []string
	for i, q := range store.ListStatements(t, b.DB, l) {
		verb := "EXPLAIN "
		if b.Name == "sqlite" {
			verb = "EXPLAIN QUERY PLAN "
		}
		rows, err := b.Write.QueryContext(t.Context(), verb+q.Text, q.Args...)
		require.NoError(t, err)
		var lines []string
		for rows.Next() {
			var a, p, n any
			var line string
			if b.Name == "sqlite" {
				require.NoError(t, rows.Scan(&a, &p, &n, &line))
			} else {
				require.NoError(t, rows.Scan(&line))
			}
			lines = append(lines, line)
		}
		require.NoError(t, rows.Err())
		text := fmt.Sprintf("%s\n%s", q.Text, strings.Join(lines, "\n"))
		if i > 0 {
			text += "\nblank part"
		}
		out = append(out, text)
	}
	return out
}
