package crm_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// fuzzed opens a house on SQLite with three customers, for a target of the native fuzzer.
func fuzzed(f *testing.F) *crm.Session {
	f.Helper()
	b := dbtest.SQLite(f)
	c, err := crm.NewPools(f.Context(), crm.Pools{Write: b.Write, Read: b.Read}, b.Dialect, &crm.Config{
		KMS: keys.NewMemory(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(f, err)
	s := c.As(ident.User("acme", "u-1", "admin").InTeams("emea"), privacy.Sales)
	for _, d := range []customer.Draft{
		customer.PersonDraft{Given: "Ada", Family: "Lovelace", Country: "GB", Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@example.com"}}},
		customer.OrganizationDraft{Name: "Null O'Brien-李%_", Country: "IE"}, customer.GroupDraft{Name: "100 % \\ Äpfel"},
	} {
		require.NoError(f, drop(s.Customers.Create(f.Context(), d)))
	}
	return s
}

// onlyInput checks that a refusal blames the input.
func onlyInput(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, "%T", err)
	require.Contains(t, []fault.Code{fault.Invalid, fault.Denied, fault.LimitExceeded}, f.Code, err)
	require.NotEmpty(t, f.Field, err)
	require.True(t, utf8.ValidString(err.Error()))
	require.Less(t, len(err.Error()), 4000)
}

// A condition is answered alike by list and count, or is the caller's fault.
func FuzzWhere(f *testing.F) {
	s := fuzzed(f)
	for _, expr := range []string{
		`country == x`, `name.startsWith(x) && !(version > 1)`, `kind == "person" || country in ["IE", x]`, `created_at < now - days(1)`,
		`name.contains("%") == (country == null)`, `has(country) ? name == x : language != x`, `id == id("0190e6a2-7b1c-7def-8a34-0123456789ab")`,
		`"\x00" == name`, `((((true))))`, `1.0 / 0.0 > 0.0`, `today > date("2020-01-01")`, `points.value == x`, `name.matches("a+")`,
	} {
		f.Add(expr, "Ada")
	}
	f.Fuzz(func(t *testing.T, expr, arg string) {
		began := time.Now()
		filter := customer.Filter{Query: page.Query{Where: page.Where{Expr: expr, Args: map[string]any{"x": arg}}}}
		p, err := s.Customers.Page(t.Context(), filter)
		n, again := s.Customers.Count(t.Context(), filter)
		require.Equal(t, fault.CodeOf(err), fault.CodeOf(again))
		onlyInput(t, err)
		require.Len(t, p.Items, n)
		require.Less(t, time.Since(began), 10*time.Second)
	})
}

// A search finds or refuses; whoever is found by a text is found by it again.
func FuzzSearch(f *testing.F) {
	s := fuzzed(f)
	for _, text := range []string{"ada", "lov", "李", "%", "_", `\`, "o'brien", "ada@example.com", "+49 30 123456", "Ä", "\u202eadA", "*", `"`, "a OR b", "NEAR(", "\u0000"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := s.Customers.Search(t.Context(), text, 2)
		onlyInput(t, err)
		again, err := s.Customers.Search(t.Context(), text, 3)
		onlyInput(t, err)
		require.GreaterOrEqual(t, len(again), len(found))
		for i := range found {
			require.Equal(t, found[i].ID, again[i].ID)
		}
	})
}

// No text but what a page gave out is a cursor.
func FuzzCursor(f *testing.F) {
	s := fuzzed(f)
	q := page.Query{Sort: "name", Limit: 1}
	first, err := s.Customers.Page(f.Context(), customer.Filter{Query: q})
	require.NoError(f, err)
	for _, c := range []string{first.Next, first.Next + "A", first.Next[1:], "", "AAAA", "=", "\x00"} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		q := q
		q.Cursor = cursor
		_, err := s.Customers.Page(t.Context(), customer.Filter{Query: q})
		if cursor == first.Next || cursor == "" {
			require.NoError(t, err)
			return
		}
		require.ErrorIs(t, err, fault.ErrInvalid)
		onlyInput(t, err)
	})
}
