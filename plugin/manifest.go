package plugin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

// Contract is the version of the contract that this package speaks.
const Contract = 1

// Info names a plugin.
type Info struct {
	ID        string // reverse domain name, immutable, at most 64 bytes: "com.example.exhibition"
	Namespace string // 2 to 16 lower-case letters and digits: prefix of everything the plugin names
	Version   string // semantic version of the plugin: "0.1.0"
	Title     string // for people; "" is the ID
}

// Manifest is the whole contract of a plugin, generated from its registrations. [Manifest.Canonical] is its one
// encoding. A Manifest is a value; it must not be modified once it is shared.
type Manifest struct {
	Contract  int            `json:"contract"`           // version of the contract, [Contract]
	ID        string         `json:"id"`                 // as in Info
	Namespace string         `json:"namespace"`          // as in Info
	Version   string         `json:"version"`            // as in Info
	Title     string         `json:"title,omitempty"`    // as in Info
	Purposes  []Purpose      `json:"purposes,omitempty"` // sorted by id
	Reads     []Grant        `json:"reads,omitempty"`    // sorted by entity and purpose
	Writes    []string       `json:"writes,omitempty"`   // sorted: what Commit may write besides the plugin's own
	Claims    []string       `json:"claims,omitempty"`   // sorted claim namespaces
	Emits     []Emission     `json:"emits,omitempty"`    // sorted by kind
	Actions   []Action       `json:"actions,omitempty"`  // sorted by name
	Events    []Subscription `json:"events,omitempty"`   // sorted by kind
}

// Basis is the legal basis on which a plugin processes personal data for a purpose.
type Basis string

// The legal bases.
const (
	Consent    Basis = "consent"              // the person agreed; a record is hidden without consent for the purpose
	Agreement  Basis = "contract"             // needed for a contract with the person
	Duty       Basis = "legal_obligation"     // a law demands it
	Vital      Basis = "vital_interests"      // life or health is at stake
	PublicTask Basis = "public_task"          // an official task
	Interest   Basis = "legitimate_interests" // the controller's interest outweighs
)

// Purpose is why a plugin needs data. Built-in purposes of package personal may be used, and own ones that begin with
// the namespace and a dot, such as "exh.badges".
type Purpose struct {
	ID    personal.Purpose  `json:"id"`    // as sessions, grants and actions name it
	Basis Basis             `json:"basis"` // on what legal ground
	Text  map[string]string `json:"text"`  // by language, for administrators and the people concerned; "en" is required
}

// Grant is what a plugin may read of one entity for one purpose.
type Grant struct {
	Entity  string           `json:"entity"`           // name in the schema registry
	Purpose personal.Purpose `json:"purpose"`          // a declared purpose
	Fields  []string         `json:"fields,omitempty"` // sorted; none means ids only
}

// WriteInteraction in Manifest.Writes lets Commit log interactions.
const WriteInteraction = "interaction"

// Emission is a kind of event that a plugin puts into the outbox.
type Emission struct {
	Kind  event.Kind `json:"kind"`            // begins with the namespace and a dot
	Facts []string   `json:"facts,omitempty"` // sorted names of the facts it may carry
}

// Subscription asks for events of one kind.
type Subscription struct {
	Kind    event.Kind       `json:"kind"`              // the kind of event; one handler each
	Purpose personal.Purpose `json:"purpose"`           // a declared purpose; what the event carries is read for it
	Project []string         `json:"project,omitempty"` // fields of the event's record to send along; each must be read for the purpose
}

// Action is something users do through the plugin.
type Action struct {
	Name    string           `json:"name"`              // namespace, two underscores and a word: "exh__sell_booth"
	Title   string           `json:"title,omitempty"`   // for people
	Purpose personal.Purpose `json:"purpose"`           // a declared purpose; what it reads is read for it
	Roles   []string         `json:"roles,omitempty"`   // who may call it besides admin and the host's own jobs
	Input   []Param          `json:"input,omitempty"`   // in the author's order
	Output  []Param          `json:"output,omitempty"`  // what it answers with
	Timeout Duration         `json:"timeout,omitempty"` // 0 means 10 s; at most 1 min
}

// Param is one input or output of an action.
type Param struct {
	Name     string         `json:"name"`               // lower-case letters, digits and _
	Type     rule.Type      `json:"-"`                  // what values it takes
	Class    personal.Class `json:"class,omitempty"`    // "" is personal.None
	Required bool           `json:"required,omitempty"` // must not be blank
	MaxLen   int            `json:"max_len,omitempty"`  // of text, in characters; 0 means 1,000
}

// Duration is a time span that encodes as text, such as "10s".
type Duration time.Duration

// MarshalText writes the form that time.ParseDuration reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(b []byte) error {
	x, err := time.ParseDuration(string(b))
	*d = Duration(x)
	return err
}

// paramJSON spells the type as rules do.
type paramJSON struct {
	plain
	Type string `json:"type"`
}

type plain Param

// MarshalJSON writes the type by name.
func (p Param) MarshalJSON() ([]byte, error) {
	return json.Marshal(paramJSON{plain(p), p.Type.String()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Param) UnmarshalJSON(b []byte) error {
	var in paramJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	t, ok := rule.ParseType(in.Type)
	if !ok {
		return fault.Field("type", "want one of bool, int, float, text, time, date, money, id, texts, have %q", in.Type)
	}
	*p = Param(in.plain)
	p.Type = t
	return nil
}

// Canonical returns the manifest's one encoding: JSON in the order of this type, lists sorted, without spaces.
func (m Manifest) Canonical() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m.sorted()); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "plugin: the manifest cannot be encoded")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Digest returns the SHA-256 of the canonical encoding in hexadecimal, for pinning a contract.
func (m Manifest) Digest() string {
	b, err := m.Canonical()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// ParseManifest reads a canonical manifest and validates it. Unknown members are refused: a host that does not know
// the whole contract cannot hold a plugin to it.
//
// Errors: Invalid.
func ParseManifest(b []byte) (Manifest, error) {
	var m Manifest
	if len(b) > MaxManifest {
		return m, fault.Field("manifest", "want at most %d bytes, have %d", MaxManifest, len(b))
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fault.Field("manifest", "not a manifest of contract %d: %v", Contract, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Manifest{}, fault.Field("manifest", "more follows after the manifest")
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, err
	}
	return m, nil
}
