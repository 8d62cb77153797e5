package bench

import (
	"context"
	"slices"
	"time"
)

// Turns are short, so that both sides meet the same weather, and at least minRounds are taken even when one call is
// longer than that.
const (
	turnLength = 200 * time.Millisecond
	minRounds  = 5
)

// side is one competitor: ours or a peer.
type side struct {
	name string
	// turn does the operation over and over for about that long and returns the median of one call.
	turn func(ctx context.Context, length time.Duration) (time.Duration, error)
}

// compete lets the sides take turns until the time is up and returns the median of each. The first round warms up and
// does not count; who begins changes from round to round.
func compete(ctx context.Context, sides []side, total time.Duration) ([]time.Duration, error) {
	took := make([][]time.Duration, len(sides))
	length := min(turnLength, total/time.Duration(len(sides)*minRounds))
	begin := time.Now()
	for round := 0; round <= minRounds || time.Since(begin) < total; round++ {
		for i := range sides {
			at := (i + round) % len(sides)
			d, err := sides[at].turn(ctx, length)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				took[at] = append(took[at], d)
			}
		}
	}
	medians := make([]time.Duration, len(sides))
	for i := range took {
		medians[i] = median(took[i])
	}
	return medians, nil
}

// repeat runs a call for a time, and at least so often, and returns the median of its durations.
func repeat(ctx context.Context, length time.Duration, least int, call func(ctx context.Context) error) (time.Duration, error) {
	var took []time.Duration
	for begin := time.Now(); ; {
		start := time.Now()
		if err := call(ctx); err != nil {
			return 0, err
		}
		end := time.Now()
		took = append(took, end.Sub(start))
		if end.Sub(begin) >= length && len(took) >= least {
			return median(took), nil
		}
	}
}

// median sorts what it is given; 0 for nothing.
func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}
