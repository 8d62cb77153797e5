package transfer

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// parser reads values as a mapping says they are written.
type parser struct {
	layout   string
	currency string
}

// value reads text as a field's type wants it. wrong is "" or what is wrong; it never holds the text.
func (p parser) value(f schema.Field, s string) (v rule.Value, wrong string) {
	switch f.Type {
	case rule.TypeText:
		if len(f.Enum) > 0 && !slices.Contains(f.Enum, s) {
			return v, "want one of " + strings.Join(f.Enum, ", ")
		}
		return rule.Text(s), ""
	case rule.TypeBool:
		switch strings.ToLower(s) {
		case "true", "yes", "1":
			return rule.Bool(true), ""
		case "false", "no", "0":
			return rule.Bool(false), ""
		}
		return v, "want true or false, yes or no, 1 or 0"
	case rule.TypeInt:
		n, err := strconv.ParseInt(s, 10, 64)
		return rule.Int(n), complaint(err, "want a whole number")
	case rule.TypeFloat:
		n, err := strconv.ParseFloat(s, 64)
		if strings.Trim(s, "+-.0123456789eE") != "" { // also takes Inf, NaN and 0x1p4
			err = strconv.ErrSyntax
		}
		return rule.Float(n), complaint(err, "want a number, such as 12.5")
	case rule.TypeTime:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err == nil && t.IsZero() {
			err = strconv.ErrRange
		}
		return rule.Time(t), complaint(err, "want an instant, such as 2026-03-02T09:00:00Z")
	case rule.TypeDate:
		t, err := time.Parse(p.layout, s)
		d := date.FromTime(t, time.UTC)
		if d.IsZero() { // the first day of the year 1 is the zero time
			err = strconv.ErrRange
		}
		return rule.Date(d), complaint(err, "want a date like "+sample(p.layout))
	case rule.TypeMoney:
		a, err := money.ParseDecimal(s, p.currency)
		return rule.Money(a), complaint(err, "want an amount in %s, such as 1200.50, with no more decimals than it has", p.currency)
	case rule.TypeID:
		id, err := ident.Parse(s)
		return rule.ID(id), complaint(err, "want an id like 0190e6a2-7b1c-7def-8a34-0123456789ab")
	case rule.TypeTexts:
		return rule.Texts(pieces(s)), ""
	case rule.TypeNone:
	}
	return v, "cannot be imported"
}

func complaint(err error, words string, args ...string) string {
	if err == nil {
		return ""
	}
	for _, a := range args {
		words = strings.Replace(words, "%s", strconv.Quote(a), 1)
	}
	return words
}

// sample is a date in a layout.
func sample(layout string) string {
	return time.Date(2026, time.December, 31, 0, 0, 0, 0, time.UTC).Format(layout)
}

// pieces cuts a list at its bars.
func pieces(s string) []string {
	var out []string
	for _, p := range strings.Split(s, "|") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func asFault(err error) (*fault.Error, bool) { return errors.AsType[*fault.Error](err) }
