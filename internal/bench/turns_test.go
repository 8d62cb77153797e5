package bench

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
)

func TestMedian(t *testing.T) {
	t.Parallel()

	require.Zero(t, median(nil))
	require.Equal(t, 2*time.Second, median([]time.Duration{3, 2e9, 9e9}))
}

func TestSidesTakeTurns(t *testing.T) {
	t.Parallel()

	var order []string
	turn := func(name string, took time.Duration) side {
		return side{name, func(context.Context, time.Duration) (time.Duration, error) {
			order = append(order, name)
			return took, nil
		}}
	}
	medians, err := compete(t.Context(), []side{turn("ours", 3), turn("one", 1), turn("two", 2)}, time.Nanosecond)
	require.NoError(t, err)
	require.Equal(t, []time.Duration{3, 1, 2}, medians)
	require.Len(t, order, 3*(minRounds+1))
	require.Equal(t, []string{"ours", "one", "two", "one", "two", "ours", "two", "ours", "one"}, order[:9])
}

func TestWarmUpDoesNotCount(t *testing.T) {
	t.Parallel()

	calls := 0
	slowFirst := side{"ours", func(context.Context, time.Duration) (time.Duration, error) {
		if calls++; calls == 1 {
			return time.Hour, nil
		}
		return time.Duration(calls), nil
	}}
	medians, err := compete(t.Context(), []side{slowFirst}, time.Nanosecond)
	require.NoError(t, err)
	require.Equal(t, time.Duration(4), medians[0], "of 2 to 6")
}

func TestFailingTurnEndsTheContest(t *testing.T) {
	t.Parallel()

	broken := errors.New("broken")
	_, err := compete(t.Context(), []side{{"ours", func(ctx context.Context, length time.Duration) (time.Duration, error) {
		return repeat(ctx, length, 1, func(context.Context) error { return broken })
	}}}, time.Second)
	require.ErrorIs(t, err, broken)
}

func TestCallsOfATurnMayBeCounted(t *testing.T) {
	t.Parallel()

	calls := 0
	_, err := repeat(t.Context(), 0, 7, func(context.Context) error {
		calls++
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 7, calls)
}

func TestResultsArePrinted(t *testing.T) {
	t.Parallel()

	get := newResult("customer.get", "postgres", "pgx", 120*time.Microsecond, 90*time.Microsecond)
	get.Trips = 2
	get.delayed(2*time.Millisecond, 5*time.Millisecond)
	var lines, table bytes.Buffer
	for _, p := range []*printer{{out: &lines, json: true}, {out: &table}} {
		for _, r := range []Result{get, newResult("customer.import", "sqlite", "sql", 41_500, 20_750)} {
			require.NoError(t, p.add(r))
		}
		require.NoError(t, p.flush())
	}
	want := `{"op":"customer.get","dialect":"postgres","peer":"pgx","ours_ns":120000,"peer_ns":90000,"ratio":0.75,"trips":2,` +
		`"delayed_ours_ns":2000000,"delayed_peer_ns":5000000,"delayed_ratio":2.5}
{"op":"customer.import","dialect":"sqlite","peer":"sql","ours_ns":41500,"peer_ns":20750,"ratio":0.5}
`
	require.Equal(t, want, lines.String())
	want = `        operation  database     ours     peer       ratio  trips  +1 ms
     customer.get  postgres   120 µs  90.0 µs  pgx   0.75      2   2.50
  customer.import    sqlite  41.5 µs  20.8 µs  sql   0.50      -      -
`
	require.Equal(t, want, table.String())
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()

	err := Run(t.Context(), Options{Rows: 10, Dialects: []string{"oracle"}, Ops: []string{"customer.dance"}})
	require.ErrorIs(t, err, fault.ErrInvalid)
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	var fields []string
	for _, v := range f.Violations {
		fields = append(fields, v.Field)
	}
	require.Equal(t, []string{"rows", "dialect", "op"}, fields)
}
