package ident_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
)

const canonical = "0190e6a2-7b1c-7def-8a34-0123456789ab"

func TestParse(t *testing.T) {
	t.Parallel()

	id, err := ident.Parse(canonical)
	require.NoError(t, err)
	require.Equal(t, canonical, id.String())
	upper, err := ident.Parse(strings.ToUpper(canonical))
	require.NoError(t, err)
	require.Equal(t, id, upper)
	for _, s := range []string{
		"", canonical[1:], canonical + "0", "{" + canonical + "}", "urn:uuid:" + canonical, strings.ReplaceAll(canonical, "-", ""),
		strings.Replace(canonical, "a", "g", 1), strings.Replace(canonical, "-", "0", 1), strings.Repeat("\x00", 36), strings.Repeat("é", 18),
	} {
		_, err := ident.Parse(s)
		require.Error(t, err, "%q", s)
	}
	require.Panics(t, func() { ident.MustParse("x") })
}

func TestNewIsOrderedAndUnique(t *testing.T) {
	t.Parallel()

	ids := make([]ident.ID, 10000)
	for i := range ids {
		ids[i] = ident.New()
	}
	require.True(t, slices.IsSortedFunc(ids, ident.ID.Compare))
	require.Len(t, slices.Compact(slices.Clone(ids)), len(ids))
	require.Equal(t, byte(7), ids[0][6]>>4)
	require.Equal(t, byte(4), ident.NewRandom()[6]>>4)
	one, two := ident.NewRandom(), ident.NewRandom()
	require.NotEqual(t, one, two)
}

func TestIDText(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		var id ident.ID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		b, err := json.Marshal(map[ident.ID]ident.ID{id: id})
		require.NoError(t, err)
		var back map[ident.ID]ident.ID
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, map[ident.ID]ident.ID{id: id}, back)

		parsed, err := ident.Parse(id.String())
		require.NoError(t, err)
		require.Equal(t, id, parsed)
		require.Equal(t, 0, id.Compare(parsed))
	})
	var id ident.ID
	require.True(t, id.IsZero())
	require.Error(t, json.Unmarshal([]byte(`"x"`), &id))
}

func TestPrincipals(t *testing.T) {
	t.Parallel()

	roles, teams := []string{"sales"}, []string{"emea", "apac"}
	p := ident.User("acme", "u-17", roles...)
	q := p.InTeams(teams...)
	roles[0], teams[0] = "admin", "x"
	require.Equal(t, []string{"sales"}, p.Roles, "the caller's slice is not kept")
	require.Equal(t, "emea", q.Team())
	require.Empty(t, p.Team(), "InTeams changes a copy")
	require.Equal(t, "user:u-17@acme", p.String())
	require.Equal(t, ident.KindSystem, ident.System("acme", "nightly").Kind)
	require.Equal(t, "plugin:p@acme", ident.Plugin("acme", "p").String())
}

func TestHostID(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"a", strings.Repeat("x", 64), "Größe 42", "公司"} {
		require.Empty(t, ident.HostID(s), "%q", s)
	}
	for _, s := range []string{"", strings.Repeat("x", 65), "a\x00", "a\n", "\x7f", "\xff", strings.Repeat("é", 33)} {
		require.NotEmpty(t, ident.HostID(s), "%q", s)
	}
}

func TestExtValidate(t *testing.T) {
	t.Parallel()

	for _, e := range []ident.Ext{{System: "erp", ID: "4711"}, {System: strings.Repeat("x", 64), ID: strings.Repeat("x", 200)}, {System: "ERP 2", ID: "Größe/42"}} {
		require.NoError(t, e.Validate(), "%q", e)
	}
	for _, c := range []struct {
		ext  ident.Ext
		want []string
	}{
		{ident.Ext{}, []string{"system", "id"}},
		{ident.Ext{System: "erp"}, []string{"id"}},
		{ident.Ext{ID: "1"}, []string{"system"}},
		{ident.Ext{System: "erp", ID: strings.Repeat("é", 101)}, []string{"id"}},
		{ident.Ext{System: "e\x00", ID: "1\n"}, []string{"system", "id"}},
		{ident.Ext{System: "erp", ID: "\xff"}, []string{"id"}},
	} {
		var f *fault.Error
		require.ErrorAs(t, c.ext.Validate(), &f, "%q", c.ext)
		var got []string
		for _, v := range f.Violations {
			got = append(got, v.Field)
		}
		require.Equal(t, c.want, got, "%q", c.ext)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()

	require.True(t, ident.Ext{}.IsZero())
	require.Equal(t, "users/42", ident.Ext{System: "users", ID: "42"}.String())
	require.True(t, ident.Ref{}.IsZero())
	require.Equal(t, "customer/"+canonical, ident.Ref{Entity: "customer", ID: ident.MustParse(canonical)}.String())
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{canonical, strings.ToUpper(canonical), "", "{" + canonical + "}", canonical[:35] + "g"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ident.Parse(s)
		if err != nil {
			require.True(t, id.IsZero())
			return
		}
		require.Equal(t, strings.ToLower(s), id.String())
	})
}

func ExampleUser() {
	p := ident.User("acme", "u-17", "sales").InTeams("emea")
	fmt.Println(p, p.Roles, p.Team())
	// Output: user:u-17@acme [sales] emea
}

func ExampleSystem() {
	fmt.Println(ident.System("acme", "nightly"))
	// Output: system:nightly@acme
}

func ExamplePlugin() {
	fmt.Println(ident.Plugin("acme", "exhibition"))
	// Output: plugin:exhibition@acme
}

func ExampleParse() {
	id, err := ident.Parse("0190E6A2-7B1C-7DEF-8A34-0123456789AB")
	fmt.Println(id, err)
	// Output: 0190e6a2-7b1c-7def-8a34-0123456789ab <nil>
}
