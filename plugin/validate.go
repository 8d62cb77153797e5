package plugin

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
)

var (
	idForm        = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+$`)
	namespaceForm = regexp.MustCompile(`^[a-z][a-z0-9]{1,15}$`)
	versionForm   = regexp.MustCompile(`^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]{1,32})?(\+[0-9A-Za-z.-]{1,32})?$`)
	wordForm      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	fieldForm     = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}(\.[a-z][a-z0-9_]{0,59}){0,2}$`)
	kindForm      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_.]{0,59}$`)
	roleForm      = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)
)

// MaxTimeout is the longest an action may take; [DefaultTimeout] is what it gets without asking.
const (
	DefaultTimeout = 10 * time.Second
	MaxTimeout     = time.Minute
)

const maxList = 200 // entries of any list of a manifest

// Validate returns nil or an Invalid fault with every breach of shape and every use of an undeclared purpose.
// Whether entities and fields exist is the host's to say.
func (m Manifest) Validate() error {
	var v fault.Violations
	if m.Contract != Contract {
		v.Add("contract", "this host speaks contract %d, the plugin %d: use versions that match", Contract, m.Contract)
	}
	if !idForm.MatchString(m.ID) || len(m.ID) > 64 {
		v.Add("id", "want a reverse domain name of at most 64 bytes, such as com.example.exhibition, have %q", clip(m.ID))
	}
	switch {
	case !namespaceForm.MatchString(m.Namespace):
		v.Add("namespace", "want 2 to 16 lower-case letters and digits, have %q", clip(m.Namespace))
	case slices.Contains(taken(), m.Namespace):
		v.Add("namespace", "%q begins names of the CRM's own: choose another, such as your company's", m.Namespace)
	}
	if !versionForm.MatchString(m.Version) {
		v.Add("version", "want a semantic version such as 0.1.0, have %q", clip(m.Version))
	}
	m.checkText(&v, "title", m.Title)
	m.checkPurposes(&v)
	m.checkReads(&v)
	m.checkOwn(&v)
	m.checkActions(&v)
	m.checkEvents(&v)
	return v.Err()
}

// taken are the namespaces that no plugin may have: what begins with them is the CRM's, now or later.
func taken() []string {
	return []string{
		"access", "audit", "campaign", "case", "claim", "commission", "consent", "core", "crm", "custom", "customer",
		"decision", "dispatch", "erasure", "event", "host", "import", "inbox", "insight", "interaction", "knowledge", "lead",
		"merge", "opportunity", "outbox", "pipeline", "plugin", "point", "privacy", "purpose", "queue", "quote", "rapport",
		"relationship", "rule", "schema", "segment", "send", "service", "sla", "stage", "subject", "suppression", "system",
		"tenant", "territory", "timer", "transfer", "user",
	}
}

func (m Manifest) checkText(v *fault.Violations, path, s string) {
	if utf8.RuneCountInString(s) > 500 || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		v.Add(path, "want at most 500 characters of valid UTF-8 without NUL")
	}
}

func (m Manifest) checkPurposes(v *fault.Violations) {
	builtin := []personal.Purpose{
		personal.Sales, personal.Service, personal.Marketing, personal.Billing, personal.Security,
		personal.Analytics, personal.Legal, personal.SubjectAsk,
	}
	bases := []Basis{Consent, Agreement, Duty, Vital, PublicTask, Interest}
	unique(v, "purposes", m.Purposes, func(p Purpose) string { return string(p.ID) })
	for i, p := range m.Purposes {
		at := fmt.Sprintf("purposes[%d]", i)
		own := m.Owns(string(p.ID)) && kindForm.MatchString(string(p.ID))
		if !own && !slices.Contains(builtin, p.ID) {
			v.Add(at+".id", "want a built-in purpose or one that begins with %q, have %q", m.Namespace+".", clip(string(p.ID)))
		}
		if !slices.Contains(bases, p.Basis) {
			v.Add(at+".basis", "want one of %v, have %q", bases, clip(string(p.Basis)))
		}
		if p.Text["en"] == "" {
			v.Add(at+".text", "say in English (\"en\") what the data is needed for")
		}
		for _, lang := range slices.Sorted(maps.Keys(p.Text)) {
			m.checkText(v, at+".text."+clip(lang), p.Text[lang])
		}
	}
}

func (m Manifest) checkReads(v *fault.Violations) {
	unique(v, "reads", m.Reads, func(g Grant) string { return g.Entity + " for " + string(g.Purpose) })
	for i, g := range m.Reads {
		at := fmt.Sprintf("reads[%d]", i)
		form(v, at+".entity", wordForm, g.Entity)
		m.checkPurpose(v, at, g.Purpose)
		unique(v, at+".fields", g.Fields, func(s string) string { return s })
		for _, f := range g.Fields {
			form(v, at+".fields", fieldForm, f)
		}
	}
}

func (m Manifest) checkOwn(v *fault.Violations) {
	for _, w := range m.Writes {
		if w != WriteInteraction {
			v.Add("writes", "want %q, have %q", WriteInteraction, clip(w))
		}
	}
	unique(v, "writes", m.Writes, func(s string) string { return s })
	unique(v, "claims", m.Claims, func(s string) string { return s })
	for i, c := range m.Claims {
		m.checkOwned(v, fmt.Sprintf("claims[%d]", i), c)
	}
	unique(v, "emits", m.Emits, func(e Emission) string { return string(e.Kind) })
	for i, e := range m.Emits {
		m.checkOwned(v, fmt.Sprintf("emits[%d].kind", i), string(e.Kind))
		unique(v, fmt.Sprintf("emits[%d].facts", i), e.Facts, func(s string) string { return s })
		for _, f := range e.Facts {
			form(v, fmt.Sprintf("emits[%d].facts", i), wordForm, f)
		}
	}
}

func (m Manifest) checkActions(v *fault.Violations) {
	unique(v, "actions", m.Actions, func(a Action) string { return a.Name })
	for i, a := range m.Actions {
		at := fmt.Sprintf("actions[%d]", i)
		word, ok := strings.CutPrefix(a.Name, m.Namespace+"__")
		if !ok || !wordForm.MatchString(word) {
			v.Add(at+".name", "want %q and a word in lower case, have %q", m.Namespace+"__", clip(a.Name))
		}
		m.checkText(v, at+".title", a.Title)
		m.checkPurpose(v, at, a.Purpose)
		for _, r := range a.Roles {
			form(v, at+".roles", roleForm, r)
		}
		if a.Timeout < 0 || a.Timeout > Duration(MaxTimeout) {
			v.Add(at+".timeout", "want at most %s", MaxTimeout)
		}
		checkParams(v, at+".input", a.Input)
		checkParams(v, at+".output", a.Output)
	}
}

func checkParams(v *fault.Violations, at string, params []Param) {
	unique(v, at, params, func(p Param) string { return p.Name })
	for _, p := range params {
		form(v, at, wordForm, p.Name)
		if p.Type == rule.TypeNone || p.Type > rule.TypeTexts {
			v.Add(at+"."+clip(p.Name), "needs a type")
		}
		if p.Class != "" && !p.Class.Valid() {
			v.Add(at+"."+clip(p.Name), "want a class of personal data or none, have %q", clip(string(p.Class)))
		}
		if p.MaxLen < 0 || p.MaxLen > MaxInput {
			v.Add(at+"."+clip(p.Name), "want a length of at most %d", MaxInput)
		}
	}
}

func (m Manifest) checkEvents(v *fault.Violations) {
	unique(v, "events", m.Events, func(s Subscription) string { return string(s.Kind) })
	for i, s := range m.Events {
		at := fmt.Sprintf("events[%d]", i)
		form(v, at+".kind", kindForm, string(s.Kind))
		m.checkPurpose(v, at, s.Purpose)
		unique(v, at+".project", s.Project, func(s string) string { return s })
		for _, f := range s.Project {
			read := func(g Grant) bool { return g.Purpose == s.Purpose && slices.Contains(g.Fields, f) }
			if !slices.ContainsFunc(m.Reads, read) {
				v.Add(at+".project", "%q is not read for this purpose: declare it with Reads", clip(f))
			}
		}
	}
}

func (m Manifest) checkPurpose(v *fault.Violations, at string, why personal.Purpose) {
	if _, ok := m.Purpose(why); !ok {
		v.Add(at+".purpose", "%q is not declared: declare it with Purpose", clip(string(why)))
	}
}

func (m Manifest) checkOwned(v *fault.Violations, at, name string) {
	if !m.Owns(name) || !kindForm.MatchString(name) {
		v.Add(at, "want a name that begins with %q, in lower case, have %q", m.Namespace+".", clip(name))
	}
}

func form(v *fault.Violations, at string, f *regexp.Regexp, s string) {
	if !f.MatchString(s) {
		v.Add(at, "%q is not a name: want %s", clip(s), f)
	}
}

func unique[T any](v *fault.Violations, at string, list []T, name func(T) string) {
	if len(list) > maxList {
		v.Add(at, "want at most %d entries, have %d", maxList, len(list))
	}
	seen := map[string]bool{}
	for _, x := range list {
		n := name(x)
		if seen[n] {
			v.Add(at, "%q is declared twice", clip(n))
		}
		seen[n] = true
	}
}

// clip keeps a foreign text short in messages.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
