// Package privacy keeps personal data the way people were promised: sealed at rest, read for a purpose, and used to
// reach somebody only where consent or another legal basis allows it.
//
// Start with [Consents] and [Sends].
package privacy
