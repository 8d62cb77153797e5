package phone

import (
	"errors"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/rapport-crm/rapport/customer"
)

// Normalizer implements [customer.PhoneNormalizer]. Its zero value is ready and safe for concurrent use.
type Normalizer struct{}

var _ customer.PhoneNormalizer = Normalizer{}

// minE164 is the length of the shortest numbers there are, such as those of Niue, "+" included.
const minE164 = 8

// The errors. None holds the number.
var (
	errNoRegion   = errors.New(`it has no country: write it with "+", or give the customer a country`)
	errUnknown    = errors.New("want digits, with + and the country's code in front")
	errImpossible = errors.New("no number of its country has that form")
	errExtension  = errors.New("it has an extension, which cannot be dialled from outside: leave it out, or put it into the label")
	errRegion     = errors.New("the region is no country's code of two letters, such as DE")
)

// Normalize returns the number in E.164 form. A number without a country is read by the rules of region, a code of two
// letters in either case. Letters that stand for digits are refused, as is an extension.
//
// Only the form is judged: a number of the right form that nobody was given passes.
func (Normalizer) Normalize(number, region string) (string, error) {
	region = strings.ToUpper(region)
	if region != "" && phonenumbers.GetCountryCodeForRegion(region) == 0 {
		return "", errRegion
	}
	number = strings.TrimSpace(number)
	if letters(number) {
		return "", errUnknown
	}
	if region == "" && !strings.HasPrefix(number, "+") && !strings.HasPrefix(number, "＋") {
		return "", errNoRegion
	}
	out, err := e164(number, region)
	// A national prefix that stands behind the country's code is dropped on a second reading, not on the first.
	for range 3 {
		before := out
		if err == nil {
			out, err = e164(before, "")
		}
		if err != nil || out == before {
			return out, err
		}
	}
	return "", errImpossible
}

// e164 is one reading.
func e164(number, region string) (string, error) {
	n, err := phonenumbers.Parse(number, region)
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return "", errNoRegion
	case err != nil:
		return "", errUnknown
	case n.GetExtension() != "":
		return "", errExtension
	}
	out := phonenumbers.Format(n, phonenumbers.E164)
	// The library takes a short code such as 112 for possible. It has no international form.
	if len(out) < minE164 || !phonenumbers.IsPossibleNumber(n) {
		return "", errImpossible
	}
	return out, nil
}

// letters reports whether there are letters, which the library would turn into digits or extensions.
func letters(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' })
}
