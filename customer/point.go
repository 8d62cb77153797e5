package customer

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
)

// PhoneNormalizer reads telephone numbers. Package customer/phone has one. Implementations must be safe for
// concurrent use.
type PhoneNormalizer interface {
	// Normalize must return the number in E.164 form, such as "+493012345678". A number written without a country
	// must be read by the rules of region, a code of two letters; "" for none. The error must not hold the number.
	Normalize(number, region string) (string, error)
}

// maxPoint is the greatest length of a point's value in characters.
const maxPoint = 500

// Normalizer brings contact points into the form that is stored and compared:
//
//   - e-mail: NFC, the domain in its lower-case ASCII form; the local part is kept as written and compared without
//     regard to case
//   - telephone and SMS: E.164; signs that do not show, such as marks of direction, are passed over
//   - other channels: NFC
//
// White space around is removed, and so are the signs that do not show which come along when people copy.
type Normalizer struct {
	Phones PhoneNormalizer // nil reads international numbers only: "+" and 8 to 15 digits
	Region string          // region of numbers without a country when the customer has none; "" for none
}

// Normalize returns the stored form of a value. Faults are Invalid and name the field "value"; they never hold
// the value.
func (n Normalizer) Normalize(ch personal.Channel, value, region string) (string, error) {
	if err := schema.CheckText("value", value, maxPoint); err != nil {
		return "", err
	}
	value = norm.NFC.String(strings.TrimFunc(value, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }))
	if value == "" {
		return "", fault.Field("value", "must not be empty")
	}
	switch ch {
	case personal.ByEmail:
		return email(value)
	case personal.ByPhone, personal.BySMS:
		return n.phone(value, region)
	case personal.ByPost, personal.ByPush, personal.BySocial:
		return value, nil
	case personal.InPerson, personal.ByAnything:
	}
	return "", fault.Field("channel", "want one of email, phone, sms, post, push, social")
}

func (n Normalizer) phone(value, region string) (string, error) {
	if region == "" {
		region = n.Region
	}
	value = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, value)
	if n.Phones == nil {
		return international(value)
	}
	out, err := n.Phones.Normalize(value, region)
	if err != nil {
		return "", fault.Field("value", "is not a telephone number: %v", err)
	}
	return out, nil
}

func international(value string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -./()", r) {
			return -1
		}
		return r
	}, value)
	rest, plus := strings.CutPrefix(digits, "+")
	if !plus || len(rest) < 8 || len(rest) > 15 || strings.Trim(rest, "0123456789") != "" || rest[0] == '0' {
		return "", fault.Field("value", "want a telephone number in international form, such as +49 30 123456")
	}
	return digits, nil
}

// hidden reports whether r takes no ink: white space, controls, marks of direction and of joining.
func hidden(r rune) bool { return !unicode.IsPrint(r) }

// mailDomain maps as browsers and mail systems do, and refuses what no mail could reach.
var mailDomain = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

func email(value string) (string, error) {
	at := strings.LastIndexByte(value, '@')
	if at < 1 || at == len(value)-1 {
		return "", fault.Field("value", "is not an e-mail address: want name@domain")
	}
	local, domain := value[:at], value[at+1:]
	if len(local) > 64 || strings.ContainsAny(local, " <>()[]\\,;:@\"") || strings.ContainsFunc(local, hidden) || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") {
		return "", fault.Field("value", "is not an e-mail address: the part before @ has signs that none may have, or more than 64 bytes")
	}
	host, err := mailDomain.ToASCII(domain)
	host = strings.TrimSuffix(host, ".") // the dot of a full name, in any script's spelling
	if err != nil || host == "" || strings.HasSuffix(host, ".") {
		return "", fault.Field("value", "is not an e-mail address: the part after @ is no domain name")
	}
	return local + "@" + strings.ToLower(host), nil
}

// BlindKey returns the name of the blind index of a channel and what goes into it for a normalized value, so that
// two spellings of one address meet. Telephone and SMS share an index.
func BlindKey(ch personal.Channel, value string) (index, key string) {
	switch ch {
	case personal.ByEmail:
		at := strings.LastIndexByte(value, '@')
		return "point.email", strings.ToLower(value[:max(at, 0)]) + value[max(at, 0):]
	case personal.ByPhone, personal.BySMS:
		return "point.phone", value
	default:
		return "point." + string(ch), value
	}
}
