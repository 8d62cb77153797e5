package privacy

import "github.com/rapport-crm/rapport/core/event"

// Names of this package's entities in the schema registry.
const (
	EntityConsent     = "consent"
	EntitySend        = "send"
	EntitySuppression = "suppression"
)

// Kinds of events of this package.
const (
	ConsentGiven      event.Kind = "consent.given"     // a subject said yes; facts purpose and channel
	ConsentRefused    event.Kind = "consent.refused"   // a subject was asked and said no; facts purpose and channel
	ConsentWithdrawn  event.Kind = "consent.withdrawn" // a subject took a yes back; facts purpose and channel
	ConsentObjected   event.Kind = "consent.objected"  // a subject objects; facts purpose and channel
	AddressSuppressed event.Kind = "suppression.set"   // an address must not be written to; facts cause and channel
	SendDecided       event.Kind = "send.decided"      // the gate decided; facts reason, purpose and channel
	SendDelivered     event.Kind = "send.delivered"    // the transport took the message
	SendFailed        event.Kind = "send.failed"       // the transport refused it
	SendUnknown       event.Kind = "send.unknown"      // nobody knows whether it was delivered
)
