package proto

import (
	"fmt"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/plugin"
)

// FromWrite encodes a write. A type of write that the wire does not know is an Invalid fault.
func FromWrite(w plugin.Write) (*Write, error) {
	switch w := w.(type) {
	case plugin.LogInteraction:
		return &Write{Kind: &Write_LogInteraction{&LogInteraction{
			Customer: FromID(w.Customer), Channel: string(w.Channel), Direction: w.Direction, AtUs: FromTime(w.At), Subject: w.Subject, Body: w.Body,
		}}}, nil
	case plugin.Emit:
		return &Write{Kind: &Write_Emit{&Emit{
			Kind: string(w.Kind), About: FromRef(w.About), Refs: each(w.Refs, FromRef), Facts: w.Facts,
		}}}, nil
	case plugin.Put:
		return &Write{Kind: &Write_Put{&Put{Key: w.Key, Value: w.Value}}}, nil
	case plugin.CommitClaim:
		return &Write{Kind: &Write_CommitClaim{FromID(w.ID)}}, nil
	case plugin.ReleaseClaim:
		return &Write{Kind: &Write_ReleaseClaim{FromID(w.ID)}}, nil
	}
	return nil, fault.Field("writes", "no such kind of write: %T", w)
}

// ToWrite decodes what FromWrite writes.
func ToWrite(w *Write) (plugin.Write, error) {
	switch k := w.GetKind().(type) {
	case *Write_LogInteraction:
		x := k.LogInteraction
		id, err := ToID(x.GetCustomer())
		return plugin.LogInteraction{
			Customer: id, Channel: personal.Channel(x.GetChannel()), Direction: x.GetDirection(), At: ToTime(x.GetAtUs()),
			Subject: x.GetSubject(), Body: x.GetBody(),
		}, err
	case *Write_Emit:
		var v fault.Violations
		about, err := ToRef(k.Emit.GetAbout())
		v.AddAll("about", err)
		refs, err := tryEach(k.Emit.GetRefs(), ToRef)
		v.AddAll("refs", err)
		return plugin.Emit{Kind: event.Kind(k.Emit.GetKind()), About: about, Refs: refs, Facts: k.Emit.GetFacts()}, v.Err()
	case *Write_Put:
		return plugin.Put{Key: k.Put.GetKey(), Value: k.Put.GetValue()}, nil
	case *Write_CommitClaim:
		id, err := ToID(k.CommitClaim)
		return plugin.CommitClaim{ID: id}, err
	case *Write_ReleaseClaim:
		id, err := ToID(k.ReleaseClaim)
		return plugin.ReleaseClaim{ID: id}, err
	}
	return nil, fault.Field("writes", "a write without a kind that this host knows")
}

// ToWrites decodes a list of writes, naming each that is malformed.
func ToWrites(list []*Write) ([]plugin.Write, error) {
	var v fault.Violations
	out := make([]plugin.Write, len(list))
	for i, w := range list {
		var err error
		out[i], err = ToWrite(w)
		v.AddAll(fmt.Sprintf("writes[%d]", i), err)
	}
	return out, v.Err()
}

// FromKey encodes a claim key.
func FromKey(k claim.Key) *ClaimKey { return &ClaimKey{Namespace: k.Namespace, Key: k.Key} }

// ToKey decodes what FromKey writes.
func ToKey(k *ClaimKey) claim.Key { return claim.Key{Namespace: k.GetNamespace(), Key: k.GetKey()} }

// FromClaim encodes a claim.
func FromClaim(c claim.Claim) *Claim {
	return &Claim{
		Id: FromID(c.ID), Keys: each(c.Keys, FromKey), Holder: FromRef(c.Holder), State: string(c.State),
		UntilUs: FromTime(c.Until), Version: c.Version,
	}
}

// ToClaim decodes what FromClaim writes; nil is the zero claim.
func ToClaim(c *Claim) (claim.Claim, error) {
	var v fault.Violations
	id, err := ToID(c.GetId())
	v.AddAll("id", err)
	holder, err := ToRef(c.GetHolder())
	v.AddAll("holder", err)
	out := claim.Claim{Keys: each(c.GetKeys(), ToKey), Holder: holder, State: claim.State(c.GetState()), Until: ToTime(c.GetUntilUs())}
	out.ID, out.Version = id, c.GetVersion()
	return out, v.Err()
}

// FromAck encodes an ack.
func FromAck(a plugin.Ack) *Ack {
	return &Ack{Event: FromID(a.Event), Outcome: AckOutcome(a.Outcome), AfterMs: a.After.Milliseconds(), Code: cut(a.Code)}
}
