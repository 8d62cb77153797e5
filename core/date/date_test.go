package date_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
)

func TestParse(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"0001-01-01", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"} {
		d, err := date.Parse(s)
		require.NoError(t, err, s)
		require.Equal(t, s, d.String())
		require.False(t, d.IsZero(), s)
	}
	for _, s := range []string{
		"", " ", "2026-1-2", "2026-02-30", "1900-02-29", "0000-01-01", "10000-01-01", "-001-01-01", "2026-01-01 ",
		"2026-01-01T00:00:00Z", "01/02/2026", "2026-13-01", "2026-00-01", "2026-01-00", "\x00", "２０２６-01-01",
	} {
		_, err := date.Parse(s)
		require.ErrorIs(t, err, fault.ErrInvalid, "%q", s)
		require.Equal(t, "invalid: want a calendar day written as 2006-01-02", err.Error(), "a message never repeats the input")
	}
	require.Panics(t, func() { date.MustParse("soon") })
}

func TestOf(t *testing.T) {
	t.Parallel()

	d, err := date.Of(2024, time.February, 29)
	require.NoError(t, err)
	require.Equal(t, date.MustParse("2024-02-29"), d)
	for _, bad := range []struct {
		y int
		m time.Month
		d int
	}{{2023, 2, 29}, {0, 1, 1}, {10000, 1, 1}, {2024, 13, 1}, {2024, 0, 1}, {2024, 4, 31}, {2024, 4, -1}, {-5, 1, 1}} {
		_, err := date.Of(bad.y, bad.m, bad.d)
		require.ErrorIs(t, err, fault.ErrInvalid, "%v", bad)
	}
}

func TestBlankIsNoDay(t *testing.T) {
	t.Parallel()

	var blank date.Date
	epoch := date.FromDays(0)
	require.True(t, blank.IsZero())
	require.NotEqual(t, blank, epoch)
	require.Equal(t, "1970-01-01", epoch.String())
	require.Empty(t, blank.String())
	require.True(t, blank.AddDays(1).IsZero())
	require.True(t, blank.AddMonths(1).IsZero())
	require.False(t, blank.Before(epoch))
	require.False(t, epoch.After(blank))
	require.Equal(t, -1, blank.Compare(epoch))
	require.Zero(t, blank.Days())
	require.True(t, date.FromTime(time.Time{}, time.UTC).IsZero())
	y, m, dd := blank.YMD()
	require.Zero(t, y)
	require.Zero(t, m)
	require.Zero(t, dd)
}

func TestEdges(t *testing.T) {
	t.Parallel()

	first, last := date.MustParse("0001-01-01"), date.MustParse("9999-12-31")
	require.True(t, first.AddDays(-1).IsZero())
	require.True(t, last.AddDays(1).IsZero())
	require.True(t, first.AddMonths(-1).IsZero())
	require.True(t, last.AddMonths(1).IsZero())
	require.Equal(t, last, first.AddDays(last.Days()-first.Days()))
	for _, n := range []int{1 << 62, -1 << 62, 1<<63 - 1, -1 << 63} {
		require.True(t, last.AddDays(n).IsZero())
		require.True(t, first.AddMonths(n).IsZero())
		require.True(t, date.FromDays(n).IsZero())
	}
}

func TestAddMonthsClamps(t *testing.T) {
	t.Parallel()

	for _, x := range []struct {
		from string
		n    int
		want string
	}{
		{"2026-01-31", 1, "2026-02-28"},
		{"2024-01-31", 1, "2024-02-29"},
		{"2026-03-31", -1, "2026-02-28"},
		{"2026-01-15", 12, "2027-01-15"},
		{"2024-02-29", 12, "2025-02-28"},
		{"2026-01-31", -2, "2025-11-30"},
	} {
		require.Equal(t, x.want, date.MustParse(x.from).AddMonths(x.n).String(), "%s %+d", x.from, x.n)
	}
}

func TestFromTimeReadsTheWallCalendar(t *testing.T) {
	t.Parallel()

	shanghai := time.FixedZone("", 8*3600)
	at := time.Date(2026, 5, 1, 20, 0, 0, 0, time.UTC)
	require.Equal(t, "2026-05-02", date.FromTime(at, shanghai).String())
	require.Equal(t, "2026-05-01", date.FromTime(at, nil).String())
	require.True(t, date.FromTime(time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC), nil).IsZero())
}

func TestText(t *testing.T) {
	t.Parallel()

	type rec struct {
		Day  date.Date `json:"day"`
		Next date.Date `json:"next,omitzero"`
	}
	b, err := json.Marshal(rec{Day: date.MustParse("2026-05-01")})
	require.NoError(t, err)
	require.JSONEq(t, `{"day":"2026-05-01"}`, string(b))
	var back rec
	require.NoError(t, json.Unmarshal([]byte(`{"day":"","next":"1970-01-01"}`), &back))
	require.True(t, back.Day.IsZero())
	require.Zero(t, back.Next.Days())
	require.Error(t, json.Unmarshal([]byte(`{"day":"tomorrow"}`), &back))
}

// TestLaws compares with package time, which counts days in its own way.
func TestLaws(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(-719162, 2932896).Draw(t, "days")
		m := rapid.IntRange(-719162, 2932896).Draw(t, "other")
		d, o := date.FromDays(n), date.FromDays(m)
		want := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, n)

		require.Equal(t, n, d.Days())
		require.Equal(t, want.Format("2006-01-02"), d.String())
		require.Equal(t, want.Weekday(), d.Weekday())
		require.Equal(t, d, date.MustParse(d.String()))
		require.Equal(t, d, date.FromTime(want.Add(23*time.Hour), time.UTC))
		require.Equal(t, o, d.AddDays(m-n))
		require.Equal(t, n < m, d.Before(o))
		require.Equal(t, n > m, d.After(o))
		require.Equal(t, -o.Compare(d), d.Compare(o))

		k := rapid.IntRange(-500, 500).Draw(t, "months")
		if later := d.AddMonths(k); !later.IsZero() {
			y, mo, dd := d.YMD()
			y2, mo2, dd2 := later.YMD()
			require.Equal(t, y*12+int(mo)+k, y2*12+int(mo2))
			require.LessOrEqual(t, dd2, dd)
			if dd2 < dd { // clamped: the next day lies in the next month
				_, after, _ := later.AddDays(1).YMD()
				require.True(t, later.AddDays(1).IsZero() || after != mo2)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2026-01-31", "0001-01-01", "9999-12-31", "2024-02-30", "", "2026-1-01", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := date.Parse(s)
		if err != nil {
			require.ErrorIs(t, err, fault.ErrInvalid)
			require.True(t, d.IsZero())
			return
		}
		require.Equal(t, s, d.String())
		require.Equal(t, d, date.FromDays(d.Days()))
	})
}
