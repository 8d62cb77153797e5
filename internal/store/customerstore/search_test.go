package customerstore_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/names"
)

func TestSearch(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		obrien := l.person(t, "Null", "O'Brien-李", "null@example.org")
		emile := l.person(t, "Émile", "Zola", "zola@example.org")
		li := l.person(t, "小龙", "李", "li@example.org")
		org, err := l.all().Create(ctx, customer.OrganizationDraft{Name: "北京大学 Müller & Söhne GmbH",
			Points: []customer.PointDraft{{Channel: personal.ByPhone, Value: "+49 30 123456"}}})
		require.NoError(t, err)
		_, err = l.as(ident.User("other", "root", "admin")).Create(ctx, customer.PersonDraft{Given: "Null", Family: "Zola"})
		require.NoError(t, err)

		for text, want := range map[string][]ident.ID{
			"zola": {emile.ID}, "ZOL": {emile.ID}, "emile zo": {emile.ID}, "zola emile": {emile.ID}, "émile": {emile.ID},
			"emil zola": nil, "ola": nil,
			"o'brien": {obrien.ID}, "null": {obrien.ID}, "李": {obrien.ID, li.ID}, "小龙": {li.ID}, "李小": {li.ID}, "龙李": nil,
			"京大": {org.ID}, "muller söhne": {org.ID}, "gmbh": {org.ID}, "北京大学 gm": {org.ID},
			"Null@Example.org": {obrien.ID}, "+49 (30) 123456": {org.ID},
			"": nil, " ": nil, "'": nil, `"`: nil, "*": nil, "NOT": nil, "null AND": nil, "tokens:null": nil, "a' OR 'b": nil,
		} {
			found, err := l.all().Search(ctx, text, 0)
			require.NoError(t, err, text)
			require.Equal(t, want, slices.Clip(append([]ident.ID(nil), ids(found)...)), text)
		}
		_, err = l.all().Search(ctx, strings.Repeat("x", 201), 0)
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.all().Search(ctx, "x\x00", 0)
		require.ErrorIs(t, err, fault.ErrInvalid)

		_, err = l.all().Update(ctx, emile.ID, 0, customer.Update{Family: new("Durand")})
		require.NoError(t, err)
		found, err := l.all().Search(ctx, "zola", 0)
		require.NoError(t, err)
		require.Empty(t, found)
		found, err = l.all().Search(ctx, "durand", 0)
		require.NoError(t, err)
		require.Equal(t, []ident.ID{emile.ID}, ids(found))
	})
}

// Whatever is stored and whatever is asked, both databases answer as a loop over all customers does.
func TestSearchAgreesWithAScan(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	each(t, func(t *testing.T, l *lab) {
		r := rand.New(rand.NewPCG(seed, 1))
		parts := []string{"ada", "Ada", "Ädä", "lov", "Lovelace", "李", "小龙", "北京", "O'Brien", "x&y", "a|b", "(z)", `"q"`, "!n", "w:*", "42", "ß", "ばら", "はら", "김", "\\", "-", "NEAR"}
		draw := func(n int) string {
			out := make([]string, r.IntN(n)+1)
			for i := range out {
				out[i] = parts[r.IntN(len(parts))]
			}
			return strings.Join(out, []string{" ", "", "-"}[r.IntN(3)])
		}
		var rows []customer.Draft
		for i := range 300 {
			rows = append(rows, customer.OrganizationDraft{Name: draw(4) + fmt.Sprint(" n", i%7)})
		}
		report, err := l.all().Load(t.Context(), seq(rows), nil)
		require.NoError(t, err)
		require.Equal(t, len(rows), report.Created)
		var everybody []customer.Customer
		for c, err := range l.all().All(t.Context(), customer.Filter{}) {
			require.NoError(t, err)
			everybody = append(everybody, c)
		}
		hits := 0
		for range 200 {
			text := draw(3)
			if r.IntN(3) == 0 {
				text = string([]rune(text)[:1+r.IntN(len([]rune(text)))])
			}
			want := scan(everybody, text)
			found, err := l.all().Search(t.Context(), text, 1000)
			require.NoError(t, err, text)
			require.Equal(t, ids(want), ids(found), "%q", text)
			if len(want) > 0 {
				hits++
			}
		}
		require.Greater(t, hits, 20, "the texts find something often enough")
	})
}

// scan is the oracle: every word is a token of the name, the last one the beginning of one.
func scan(all []customer.Customer, text string) []customer.Customer {
	out := []customer.Customer{}
	q := names.NewQuery(text)
	for _, c := range all {
		tokens := names.Tokens(c.Name.Reveal())
		ok := !q.IsZero()
		for _, w := range q.Words {
			ok = ok && slices.Contains(tokens, w)
		}
		if q.Prefix != "" {
			ok = ok && slices.ContainsFunc(tokens, func(s string) bool { return strings.HasPrefix(s, q.Prefix) })
		}
		if ok {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b customer.Customer) int {
		if x := strings.Compare(a.SortName(), b.SortName()); x != 0 {
			return x
		}
		return a.ID.Compare(b.ID)
	})
	return out
}

func seq(rows []customer.Draft) func(yield func(customer.Draft, error) bool) {
	return func(yield func(customer.Draft, error) bool) {
		for _, d := range rows {
			if !yield(d, nil) {
				return
			}
		}
	}
}
