package date_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/date"
)

func TestStart(t *testing.T) {
	t.Parallel()

	for _, c := range []struct{ day, zone, want string }{
		{"2026-03-29", "UTC", "2026-03-29T00:00:00Z"},
		{"2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z"},
		{"2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"}, // midnight is skipped
		{"2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00Z"}, // at midnight the evening before comes again
		{"2021-03-28", "Asia/Beirut", "2021-03-27T22:00:00Z"},       // midnight is skipped
		{"2023-04-28", "Africa/Cairo", "2023-04-27T22:00:00Z"},      // midnight is skipped
		{"2017-11-05", "America/Havana", "2017-11-05T04:00:00Z"},    // there are two midnights
		{"2007-11-04", "America/St_Johns", "2007-11-04T02:30:00Z"},  // a minute of the day, the evening before, the day again
		{"2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"},      // the day is skipped
		{"2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z"},      // after it
		{"1919-03-31", "America/Toronto", "1919-03-31T04:30:00Z"},   // 23:30 to 00:30
		{"0001-01-01", "UTC", "0001-01-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		require.NoError(t, err)
		require.Equal(t, c.want, date.MustParse(c.day).Start(zone).UTC().Format(time.RFC3339), "%s %s", c.day, c.zone)
	}
	require.Equal(t, date.MustParse("2026-03-29").Start(time.UTC), date.MustParse("2026-03-29").Start(nil))
	require.True(t, date.Date{}.Start(time.UTC).IsZero())
}

// The start of a day near a change of the clocks is its first minute, by trying all.
func TestStartIsTheFirstMinuteOfTheDay(t *testing.T) {
	t.Parallel()

	zones := []string{
		"America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "America/Havana", "America/St_Johns", "Europe/Berlin", "Asia/Kathmandu",
		"Asia/Tehran", "America/Asuncion", "Atlantic/Azores", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Gaza",
	}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		require.NoError(t, err)
		_, change := time.Unix(rapid.Int64Range(1<<26, 1<<31).Draw(t, "instant"), 0).In(zone).ZoneBounds()
		d := date.FromTime(change, zone).AddDays(rapid.IntRange(-1, 1).Draw(t, "beside"))
		if d.IsZero() {
			t.Skip("the clocks do not change again")
		}
		y, m, day := d.YMD()
		first := time.Date(y, m, day-2, 0, 0, 0, 0, time.UTC)
		for date.FromTime(first, zone) != d {
			first = first.Add(time.Minute)
		}
		require.Equal(t, first, d.Start(zone).UTC(), "%s %s", d, zone)
	})
}
