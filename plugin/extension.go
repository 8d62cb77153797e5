package plugin

import (
	"context"
	"regexp"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
)

// Extension is a plugin as a host holds it: a [*Plugin] in process, or a process of pluginhost. Implementations must
// be safe for concurrent use between Start and Stop.
type Extension interface {
	// Manifest must return the same contract from first to last, before Start too.
	Manifest() Manifest
	// Start must make the extension ready for Deliver and Invoke. connect binds a token that came with a delivery or
	// a call to the host; it must not be used after Stop.
	Start(ctx context.Context, connect Connect) error
	// Deliver must hand the deliveries to their handlers and return one Ack per delivery, in the same order. An error
	// means that nothing is known about any of them. It is never called inside a database transaction.
	Deliver(ctx context.Context, batch []Delivery) ([]Ack, error)
	// Invoke must run one action. It is never called inside a database transaction.
	Invoke(ctx context.Context, c Call) (Reply, error)
	// Stop must let work under way finish until ctx ends, and free everything. A second Stop does nothing.
	Stop(ctx context.Context) error
}

// Connect gives the host as the bearer of a token sees it. It never fails: a host that does not know the token
// refuses each call with a Denied fault.
type Connect func(token string) Host

// Delivery is one event on its way to an extension. The token allows what the event's handler may do.
type Delivery struct {
	Token string // allows what the event's handler may do
	Event Event  // cut down to what the manifest grants
}

// Outcome is what became of one delivery. The zero value asks for another attempt, so a forgotten one loses nothing.
type Outcome uint8

// The outcomes.
const (
	Retry    Outcome = iota // deliver it again, after Ack.After or the host's own pause
	OK                      // done
	Rejected                // never deliver it again: a dead letter
)

// String returns retry, ok or rejected.
func (o Outcome) String() string {
	return [...]string{"retry", "ok", "rejected"}[min(o, Rejected)]
}

// Ack is the outcome of one delivery.
type Ack struct {
	Event   ident.ID      // whose outcome it is
	Outcome Outcome       // what became of it
	After   time.Duration // for Retry: the least pause; 0 leaves it to the host
	Code    string        // machine word for a failure; see Word
}

var codeForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_.:-]{0,63}$`)

// Word returns Code as a host may keep and log it: "unnamed" for one that is not at most 64 lower-case letters,
// digits, underscores, dots, colons and hyphens, and so may hold anything.
func (a Ack) Word() string {
	if a.Code == "" || codeForm.MatchString(a.Code) {
		return a.Code
	}
	return "unnamed"
}

// Call is one action on its way to an extension.
type Call struct {
	Token   string  // allows what the action's handler may do
	Request Request // what the user asks for
}

// Request is what an action's handler gets.
type Request struct {
	// ID names the call. It is the same when the host repeats a call under the same idempotency key, so a handler that
	// gives it to [Host.Commit] as consumed takes effect once.
	ID     ident.ID
	Action string // full name, such as "exh__sell_booth"
	Input  Values // checked against the action's declaration
}

// Reply is what an action's handler returns. The host checks it against the action's declaration.
type Reply struct {
	Output Values // by the names of the action's declared outputs
}
