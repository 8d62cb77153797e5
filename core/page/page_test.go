package page_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
)

func TestParseSort(t *testing.T) {
	t.Parallel()

	for s, want := range map[string]page.Sort{
		"":             {Field: "id"},
		"amount":       {Field: "amount"},
		"-amount":      {Field: "amount", Desc: true},
		"custom.tier":  {Field: "custom.tier"},
		"-custom.tier": {Field: "custom.tier", Desc: true},
	} {
		got, err := page.ParseSort(s)
		require.NoError(t, err, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"-", "--a", "a desc", "a;drop", "A", "a,b", "1a", "a\x00", "é"} {
		_, err := page.ParseSort(s)
		require.ErrorIs(t, err, fault.ErrInvalid, s)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()

	for limit, want := range map[int]int{0: page.DefaultLimit, 1: 1, page.MaxLimit: page.MaxLimit} {
		n, err := page.Query{Limit: limit}.Size()
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
	for _, limit := range []int{-1, page.MaxLimit + 1} {
		_, err := page.Query{Limit: limit}.Size()
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
}

// numbers is a list of n numbers in pages of a size.
func numbers(n, size int, loads *int) func(cursor string) (page.Page[int], error) {
	return func(cursor string) (page.Page[int], error) {
		*loads++
		from := 0
		if cursor != "" {
			var err error
			if from, err = strconv.Atoi(cursor); err != nil {
				return page.Page[int]{}, fmt.Errorf("cursor: %w", err)
			}
		}
		var p page.Page[int]
		for i := from; i < n && i < from+size; i++ {
			p.Items = append(p.Items, i)
		}
		if from+size < n {
			p.Next = strconv.Itoa(from + size)
		}
		return p, nil
	}
}

func TestAllGivesEachOnce(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		n, size := rapid.IntRange(0, 30).Draw(t, "n"), rapid.IntRange(1, 7).Draw(t, "size")
		stop := rapid.IntRange(1, 40).Draw(t, "stop")
		var got []int
		loads := 0
		for x, err := range page.All(numbers(n, size, &loads)) {
			require.NoError(t, err)
			if got = append(got, x); len(got) == stop {
				break
			}
		}
		require.Len(t, got, min(n, stop))
		for i, x := range got {
			require.Equal(t, i, x)
		}
		require.LessOrEqual(t, loads, len(got)/size+1, "pages are loaded when they are needed")
	})
}

func TestAllStopsAtAnError(t *testing.T) {
	t.Parallel()

	boom := errors.New("boom")
	calls := 0
	var got []int
	var last error
	for x, err := range page.All(func(cursor string) (page.Page[int], error) {
		calls++
		if cursor != "" {
			return page.Page[int]{}, boom
		}
		return page.Page[int]{Items: []int{7}, Next: "more"}, nil
	}) {
		got, last = append(got, x), err
	}
	require.Equal(t, []int{7, 0}, got)
	require.ErrorIs(t, last, boom)
	require.Equal(t, 2, calls)
}

func ExampleAll() {
	pages := map[string]page.Page[string]{
		"":  {Items: []string{"Ada", "Blaise"}, Next: "2"},
		"2": {Items: []string{"Carl"}},
	}
	for name, err := range page.All(func(cursor string) (page.Page[string], error) { return pages[cursor], nil }) {
		fmt.Println(name, err)
	}
	// Output:
	// Ada <nil>
	// Blaise <nil>
	// Carl <nil>
}

func ExampleNewCodec() {
	codec, err := page.NewCodec([]byte("a secret of exactly 32 bytes ..."))
	if err != nil {
		fmt.Println(err)
		return
	}
	id := ident.MustParse("0190e6a2-7b1c-7def-8a34-0123456789ab")
	cursor := codec.Seal("acme", page.Position{Key: []byte("Lovelace"), ID: id})

	p, err := codec.Open("acme", cursor)
	fmt.Println(p.ID, string(p.Key), err)
	_, err = codec.Open("other", cursor)
	fmt.Println(err)
	// Output:
	// 0190e6a2-7b1c-7def-8a34-0123456789ab Lovelace <nil>
	// invalid: cursor: not a cursor of this list: begin again without one
}

func ExampleParseSort() {
	fmt.Println(page.ParseSort("-created_at"))
	// Output: {created_at true} <nil>
}
