package claim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/schema"
)

// Entity is the name of claims in the schema registry.
const Entity = "claim"

// Limits of a claim.
const (
	MaxKeys = 200                  // keys of one claim
	MaxKey  = 200                  // length in bytes of a key within its namespace
	MaxFor  = 366 * 24 * time.Hour // greatest time a hold is given at once
)

// The events of a claim.
const (
	Acquired  event.Kind = "claim.acquired"  // keys were taken
	Extended  event.Kind = "claim.extended"  // the hold lasts longer
	Committed event.Kind = "claim.committed" // the hold has no limit any more
	Released  event.Kind = "claim.released"  // the keys are free
	Swapped   event.Kind = "claim.swapped"   // other keys were taken in place of the old ones
)

// Key names one exclusive thing. Keys are compared bytewise.
type Key struct {
	// Namespace is what sort of thing it is, 1 to 64 bytes, such as "hall-3".
	Namespace string `json:"namespace" crm:"class=none,max=64"`
	// Key is which one it is, 1 to 200 bytes, such as "B12".
	Key string `json:"key" crm:"class=none,max=200"`
}

// String joins both parts as namespace/key.
func (k Key) String() string { return k.Namespace + "/" + k.Key }

// Compare orders keys by namespace, then by key.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(k.Namespace, o.Namespace), strings.Compare(k.Key, o.Key))
}

// State is where a claim stands. A held claim whose time has run out is still called held: ask [Claim.Live].
type State string

// The states.
const (
	StateHeld      State = "held"      // until Until
	StateCommitted State = "committed" // without limit
	StateReleased  State = "released"  // given back; it never lives again
)

// Claim is a set of keys that belong to one holder. It is obtained from [Claims].
type Claim struct {
	schema.Meta

	// Keys are sorted, without repetition.
	Keys []Key `json:"keys" crm:"class=none"`
	// Holder is for whom the keys are held.
	Holder ident.Ref `json:"holder" crm:"class=none,readonly"`
	// State is where it stands.
	State State `json:"state" crm:"class=none,enum=held|committed|released,readonly"`
	// Until is when a hold runs out, UTC; zero once committed.
	Until time.Time `json:"until,omitzero" crm:"class=none,readonly"`
}

// Live reports whether the keys belong to the claim at an instant. At Until itself a hold is over.
func (c *Claim) Live(now time.Time) bool {
	return c.State == StateCommitted || c.State == StateHeld && now.Before(c.Until)
}

// Holds reports whether the claim names the key, live or not.
func (c *Claim) Holds(k Key) bool {
	_, ok := slices.BinarySearchFunc(c.Keys, k, Key.Compare)
	return ok
}

// Request says what to acquire, for whom, and for how long.
type Request struct {
	ID     ident.ID      // the host's own id for the claim; zero for a new one
	Keys   []Key         // 1 to 200 keys; order and repetition do not matter
	Holder ident.Ref     // the record the keys are for
	For    time.Duration // how long to hold, a microsecond to 366 days
}

// normal checks keys and returns them sorted, without repetition.
func normal(keys []Key) ([]Key, error) {
	var v fault.Violations
	if len(keys) == 0 || len(keys) > MaxKeys {
		v.Add("keys", "want 1 to %d keys, have %d", MaxKeys, len(keys))
		return nil, v.Err()
	}
	for i, k := range keys {
		if m := ident.HostID(k.Namespace); m != "" {
			v.Add(fmt.Sprintf("keys[%d].namespace", i), "%s", m)
		}
		if m := badKey(k.Key); m != "" {
			v.Add(fmt.Sprintf("keys[%d].key", i), "%s", m)
		}
	}
	out := slices.Clone(keys)
	slices.SortFunc(out, Key.Compare)
	return slices.Compact(out), v.Err()
}

func badKey(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case len(s) > MaxKey:
		return fmt.Sprintf("must be at most %d bytes, is %d", MaxKey, len(s))
	case !utf8.ValidString(s):
		return "must be valid UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return "must not contain control characters"
	}
	return ""
}

func checkFor(d time.Duration) error {
	if d < time.Microsecond || d > MaxFor {
		return fault.Field("for", "want a microsecond, which is as fine as times are kept, to %s", MaxFor)
	}
	return nil
}
