package money

import "strings"

// Codes of ISO 4217 by number of decimals. Codes withdrawn since 2020 stay, because old records hold them.
// Metals, bonds and the drawing rights of the IMF have no minor unit and are left out.
const (
	codes0 = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
	codes2 = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD " +
		"CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS " +
		"GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL " +
		"MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP " +
		"PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT " +
		"TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ZWL"
	codes3 = "BHD IQD JOD KWD LYD OMR TND"
	codes4 = "CLF UYW"
)

var exponents = table(map[int]string{0: codes0, 2: codes2, 3: codes3, 4: codes4})

func table(by map[int]string) map[string]int {
	out := map[string]int{}
	for exp, codes := range by {
		for code := range strings.FieldsSeq(codes) {
			out[code] = exp
		}
	}
	return out
}

// Exponent returns the number of decimals of a currency, 2 for EUR and 0 for JPY; ok is false for an unknown code.
func Exponent(currency string) (exp int, ok bool) {
	exp, ok = exponents[currency]
	return exp, ok
}

// ValidCurrency reports whether a code is one of ISO 4217 with a minor unit, in capitals.
func ValidCurrency(code string) bool {
	_, ok := exponents[code]
	return ok
}
