package date

import (
	"time"

	"github.com/rapport-crm/rapport/core/fault"
)

// Days since 1970-01-01 of the first and the last day there is: 0001-01-01 and 9999-12-31.
const (
	minDays = -719162
	maxDays = 2932896
)

const (
	layout = "2006-01-02"
	day    = 24 * 60 * 60
)

// Date is a day of the Gregorian calendar, in the years 1 to 9999. Its zero value is blank: no day at all, and
// another value than 1970-01-01. Dates compare with == and are safe as map keys.
type Date struct{ n int32 } // days since 0001-01-01, counted from 1

// Of returns the day of a year, month and day. Days that the calendar does not have, such as 30 February, are
// an Invalid fault; nothing is carried over.
func Of(year int, month time.Month, d int) (Date, error) {
	if year < 1 || year > 9999 {
		return Date{}, fault.New(fault.Invalid, "want a year from 1 to 9999")
	}
	t := time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
	if y, m, dd := t.Date(); y != year || m != month || dd != d {
		return Date{}, fault.New(fault.Invalid, "no such day in the calendar")
	}
	return FromDays(int(t.Unix() / day)), nil
}

// Parse reads a day written as 2006-01-02. Empty text is an Invalid fault, and so is every other spelling: which
// of 03/04/2026 is the month depends on who wrote it.
func Parse(s string) (Date, error) {
	t, err := time.Parse(layout, s)
	if err != nil || len(s) != len(layout) || t.Year() < 1 {
		return Date{}, fault.New(fault.Invalid, "want a calendar day written as 2006-01-02")
	}
	return FromDays(int(t.Unix() / day)), nil
}

// MustParse is Parse for constants in programs and tests; it panics on a malformed day.
func MustParse(s string) Date {
	d, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return d
}

// FromTime returns the day that a calendar on the wall in loc shows at t; nil means UTC. The zero time, and one
// outside the years 1 to 9999, give the blank date.
func FromTime(t time.Time, loc *time.Location) Date {
	if t.IsZero() {
		return Date{}
	}
	if loc == nil {
		loc = time.UTC
	}
	y, m, d := t.In(loc).Date()
	out, err := Of(y, m, d)
	if err != nil {
		return Date{}
	}
	return out
}

// FromDays returns the day that lies n days after 1970-01-01. Outside the years 1 to 9999 it is the blank date.
func FromDays(n int) Date {
	if n < minDays || n > maxDays {
		return Date{}
	}
	return Date{int32(n - minDays + 1)}
}

// Days counts the days since 1970-01-01, negative before. It is 0 for the blank date too: ask [Date.IsZero] first.
func (d Date) Days() int {
	if d.n == 0 {
		return 0
	}
	return int(d.n) - 1 + minDays
}

// IsZero reports whether d is blank, so that the omitzero option of encoding/json leaves it out.
func (d Date) IsZero() bool { return d.n == 0 }

// YMD returns year, month and day; three zeros for the blank date.
func (d Date) YMD() (year int, month time.Month, dayOfMonth int) {
	if d.n == 0 {
		return 0, 0, 0
	}
	return d.utc().Date()
}

// Start returns the first instant of the day on the wall in loc; nil means UTC. It is midnight, unless the clocks skip that.
// Of a day that is skipped as a whole it is the instant at which it would have begun. The blank date has none: the result
// is the zero time.
func (d Date) Start(loc *time.Location) time.Time {
	if d.n == 0 {
		return time.Time{}
	}
	if loc == nil {
		loc = time.UTC
	}
	y, m, dd := d.YMD()
	at := time.Date(y, m, dd, 0, 0, 0, 0, loc) // of a midnight that is skipped or comes twice, Go chooses the side
	from, until := at.ZoneBounds()
	if FromTime(at, loc).Before(d) {
		return until
	}
	if from.IsZero() {
		return at
	}
	if at.Hour()+at.Minute()+at.Second() != 0 {
		return from
	}
	_, offset := at.Zone()
	_, before := from.Add(-1).Zone()
	if first := at.Add(time.Duration(offset-before) * time.Second); first.Before(from) {
		return first
	}
	return at
}

// Weekday returns the day of the week. The blank date has none and answers Sunday.
func (d Date) Weekday() time.Weekday {
	if d.n == 0 {
		return time.Sunday
	}
	return d.utc().Weekday()
}

// AddDays returns the day n days later, or earlier for a negative n. A blank date stays blank; a result outside
// the years 1 to 9999 is blank.
func (d Date) AddDays(n int) Date {
	if d.n == 0 || n > maxDays-minDays || n < minDays-maxDays {
		return Date{}
	}
	return FromDays(d.Days() + n)
}

// AddMonths returns the same day of the month n months later, or earlier for a negative n. Where that month is too
// short it is its last day: a month after 31 January is 28 or 29 February. A blank date stays blank; a result
// outside the years 1 to 9999 is blank.
func (d Date) AddMonths(n int) Date {
	const span = 12 * 9999
	if d.n == 0 || n > span || n < -span {
		return Date{}
	}
	y, m, dd := d.YMD()
	first := time.Date(y, m+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	out, err := Of(first.Year(), first.Month(), min(dd, last))
	if err != nil {
		return Date{}
	}
	return out
}

// Compare is -1 when d is the earlier day, 1 when it is the later one, 0 when both are the same. Blank comes
// before every day.
func (d Date) Compare(o Date) int {
	switch {
	case d.n < o.n:
		return -1
	case d.n > o.n:
		return 1
	}
	return 0
}

// Before reports whether both are days and d is the earlier one.
func (d Date) Before(o Date) bool { return d.n != 0 && o.n != 0 && d.n < o.n }

// After reports whether both are days and d is the later one.
func (d Date) After(o Date) bool { return d.n != 0 && o.n != 0 && d.n > o.n }

// String writes 2006-01-02; the blank date is "".
func (d Date) String() string {
	if d.n == 0 {
		return ""
	}
	return d.utc().Format(layout)
}

// MarshalText writes String, so that encoders show the day and empty text for the blank date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes; empty text is the blank date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	parsed, err := Parse(string(b))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

func (d Date) utc() time.Time { return time.Unix(int64(d.Days())*day, 0).UTC() }
