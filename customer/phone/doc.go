// Package phone reads telephone numbers of every country into E.164 form, with the rules Google's libphonenumber
// knows.
//
//	n, err := phone.Normalizer{}.Normalize("030 123456", "DE") // "+4930123456"
//
// It is a package of its own because those rules weigh some megabytes; package customer works without it and then
// takes international numbers only.
//
// Start with [Normalizer].
package phone
