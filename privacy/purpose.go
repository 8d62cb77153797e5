package privacy

import (
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// Purpose defines why personal data may be processed, on what grounds, and what may be seen for it.
type Purpose struct {
	Name personal.Purpose // as sessions and sends name it, 1 to 64 bytes

	// Bases are the grounds on which somebody may be contacted for the purpose. None means nobody is.
	Bases []Basis
	// Assumed is the one of Bases that holds without a record of its own, "" for none. Without it somebody is
	// contacted only after saying so: [Consents.Give].
	Assumed Basis
	// Direct marks direct marketing, which must not have an Assumed basis.
	Direct bool
	// Despite lets messages of the purpose reach suppressed addresses too: legal duties, the subject's own request.
	Despite bool
	// Classes are what sessions of the purpose see in records; the others are masked. Nil means every class that is
	// not sensitive.
	Classes []personal.Class
}

func (p Purpose) validate(v *fault.Violations) {
	at := "purposes." + string(p.Name)
	if m := ident.HostID(string(p.Name)); m != "" {
		v.Add("purposes", "a purpose's name %s", m)
	}
	for _, b := range p.Bases {
		if !b.Valid() {
			v.Add(at, "unknown basis %q", b)
		}
	}
	if p.Assumed != "" && !slices.Contains(p.Bases, p.Assumed) {
		v.Add(at, "the assumed basis must be one of the bases")
	}
	if p.Assumed == OnConsent || p.Assumed == OnSoftOptIn || p.Direct && p.Assumed != "" {
		v.Add(at, "consent and direct marketing cannot be assumed: leave Assumed empty")
	}
	for _, c := range p.Classes {
		if !c.Valid() {
			v.Add(at, "unknown class %q", c)
		}
	}
}

// Purposes is a set of purposes by name. It is immutable and safe for concurrent use.
type Purposes struct {
	byName map[personal.Purpose]Purpose
	unseen map[personal.Purpose][]personal.Class // what each does not see
	plain  map[personal.Purpose][]personal.Class // the same without the sensitive ones, which only Reveal shows to anybody
}

// NewPurposes returns a set of purposes.
//
// Errors: Invalid with every breach: a name that is empty or there twice, an unknown basis or class, an assumed
// basis that is not among the bases or would make consent or direct marketing assumed.
func NewPurposes(list ...Purpose) (*Purposes, error) {
	p := &Purposes{
		byName: map[personal.Purpose]Purpose{},
		unseen: map[personal.Purpose][]personal.Class{}, plain: map[personal.Purpose][]personal.Class{},
	}
	var v fault.Violations
	for _, d := range list {
		d.validate(&v)
		if _, twice := p.byName[d.Name]; twice {
			v.Add("purposes", "%s is there twice", d.Name)
		}
		d.Bases, d.Classes = slices.Clone(d.Bases), slices.Clone(d.Classes)
		p.byName[d.Name] = d
		for _, c := range personal.Classes() {
			if !c.Personal() || d.sees(c) {
				continue
			}
			if p.unseen[d.Name] = append(p.unseen[d.Name], c); !c.Sensitive() {
				p.plain[d.Name] = append(p.plain[d.Name], c)
			}
		}
	}
	return p, v.Err()
}

func (p Purpose) sees(c personal.Class) bool {
	if p.Classes == nil {
		return !c.Sensitive()
	}
	return slices.Contains(p.Classes, c)
}

// DefaultPurposes returns the built-in purposes:
//
//	purpose      contacted on                             assumed              sees besides what is not sensitive
//	sales        consent, contract, legitimate interest   legitimate interest
//	service      contract, consent                        contract             health
//	marketing    consent, soft opt-in                     nothing              (not texts)
//	billing      contract, legal duty                     contract             financial
//	security     legal duty                               legal duty
//	analytics    consent                                  nothing              (not texts, not contact points)
//	operations   nobody is contacted                                           everything
//	legal        legal duty, even suppressed addresses    legal duty           everything
//	subject_ask  legal duty, even suppressed addresses    legal duty           everything
func DefaultPurposes() *Purposes {
	p, err := NewPurposes(
		Purpose{Name: Sales, Bases: []Basis{OnConsent, OnContract, OnLegitimateInterest}, Assumed: OnLegitimateInterest},
		Purpose{Name: Service, Bases: []Basis{OnContract, OnConsent}, Assumed: OnContract, Classes: also(personal.Health)},
		Purpose{Name: Marketing, Bases: []Basis{OnConsent, OnSoftOptIn}, Direct: true, Classes: without(personal.Content)},
		Purpose{Name: Billing, Bases: []Basis{OnContract, OnLegalDuty}, Assumed: OnContract, Classes: also(personal.Financial)},
		Purpose{Name: Security, Bases: []Basis{OnLegalDuty}, Assumed: OnLegalDuty},
		Purpose{Name: Analytics, Bases: []Basis{OnConsent}, Classes: without(personal.Content, personal.Contact)},
		Purpose{Name: Operations, Classes: personal.Classes()},
		Purpose{Name: Legal, Bases: []Basis{OnLegalDuty}, Assumed: OnLegalDuty, Despite: true, Classes: personal.Classes()},
		Purpose{Name: SubjectAsk, Bases: []Basis{OnLegalDuty}, Assumed: OnLegalDuty, Despite: true, Classes: personal.Classes()},
	)
	if err != nil {
		panic(err) // the built-in table is tested
	}
	return p
}

// also returns the classes that are not sensitive and the given ones.
func also(more ...personal.Class) []personal.Class {
	return slices.DeleteFunc(personal.Classes(), func(c personal.Class) bool { return c.Sensitive() && !slices.Contains(more, c) })
}

// without returns the classes that are not sensitive but the given ones.
func without(less ...personal.Class) []personal.Class {
	return slices.DeleteFunc(also(), func(c personal.Class) bool { return slices.Contains(less, c) })
}

// With returns a set that has further purposes, or other definitions of known ones.
//
// Errors: as of [NewPurposes].
func (p *Purposes) With(more ...Purpose) (*Purposes, error) {
	all := maps.Clone(p.byName)
	for _, d := range more {
		delete(all, d.Name)
	}
	return NewPurposes(append(slices.Collect(maps.Values(all)), more...)...)
}

// Get returns the definition of a purpose; ok is false for an unknown one.
func (p *Purposes) Get(name personal.Purpose) (d Purpose, ok bool) {
	d, ok = p.byName[name]
	return d, ok
}

// Unseen returns the classes that are masked in what sessions of a purpose read. Sensitive classes count only for a
// reader who is revealing them: everybody else is not shown them anyway. The caller must not change the result.
//
// Errors: Invalid of field "purpose" for an unknown one.
func (p *Purposes) Unseen(name personal.Purpose, revealing bool) ([]personal.Class, error) {
	if _, ok := p.byName[name]; !ok {
		return nil, p.unknown("purpose")
	}
	if revealing {
		return p.unseen[name], nil
	}
	return p.plain[name], nil
}

// Names lists the purposes, sorted.
func (p *Purposes) Names() []personal.Purpose { return slices.Sorted(maps.Keys(p.byName)) }

func (p *Purposes) unknown(field string) error {
	return fault.Field(field, "no such purpose: want one of %v", p.Names())
}

func (p Purpose) allows(b Basis) bool { return slices.Contains(p.Bases, b) }
