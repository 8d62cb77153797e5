// Package boundary decides what a plugin may see and do. It implements plugin.Host over the domains: every call-back
// carries a token that the boundary has minted for one event or one action, and is held to the manifest, to the
// purpose, to the rights of the user who called the action, and to the time left. What is shown goes through the
// domains' own read path and into the disclosure ledger.
//
// Events reach an extension through [Boundary.Consumers], outside any transaction: each is cut down to the manifest
// and its record is read and cut down at that moment, so a later attempt shows no more than may be seen then.
//
// Start with [New] and [Boundary].
package boundary
