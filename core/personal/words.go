package personal

// Class is the kind of personal data a field holds. Classes decide who may see a field, whether it is sealed and
// what an erasure must reach. The empty class is not a class: a field that holds no personal data says [None].
type Class string

// The classes. Those for which [Class.Sensitive] is true are sealed everywhere and every reading of them is recorded.
const (
	None       Class = "none"       // not personal data
	Name       Class = "name"       // names of a person
	Contact    Class = "contact"    // e-mail addresses, telephone numbers, postal addresses, handles
	Profile    Class = "profile"    // language, job title, preferences, dates of birth
	Content    Class = "content"    // free text that may hold anything: notes, messages
	Behaviour  Class = "behaviour"  // what a person did: visits, purchases
	Financial  Class = "financial"  // account and card numbers, credit rating
	Government Class = "government" // identity card, passport, tax numbers
	Health     Class = "health"     // health, and other special categories: belief, origin, orientation
)

// Classes returns every class in a fixed order.
func Classes() []Class {
	return []Class{None, Name, Contact, Profile, Content, Behaviour, Financial, Government, Health}
}

// Valid reports whether c is one of the known classes.
func (c Class) Valid() bool {
	for _, k := range Classes() {
		if c == k {
			return true
		}
	}
	return false
}

// Personal reports whether fields of the class are personal data.
func (c Class) Personal() bool { return c != None && c != "" }

// Sensitive reports whether reading the class in clear writes an access record.
func (c Class) Sensitive() bool { return c == Financial || c == Government || c == Health }

// Sealed reports whether values of the class are encrypted at rest in the standard profile.
func (c Class) Sealed() bool { return c == Contact || c == Content || c.Sensitive() }

// Purpose is why personal data is processed. Some are built in; hosts define more in the Purposes of crm.Config.
type Purpose string

// The built-in purposes.
const (
	Sales      Purpose = "sales"       // winning and serving an order
	Service    Purpose = "service"     // answering requests and complaints
	Marketing  Purpose = "marketing"   // direct marketing; denied without consent
	Billing    Purpose = "billing"     // invoices and payment
	Security   Purpose = "security"    // safety of accounts and systems
	Analytics  Purpose = "analytics"   // statistics and scores
	Operations Purpose = "operations"  // running the CRM itself: imports, migrations, maintenance
	Legal      Purpose = "legal"       // legal duties and claims
	SubjectAsk Purpose = "subject_ask" // answering a person's own request about their data
)

// Channel is a way to reach a person.
type Channel string

// The channels.
const (
	ByEmail    Channel = "email"
	BySMS      Channel = "sms"
	ByPhone    Channel = "phone"
	ByPost     Channel = "post"
	ByPush     Channel = "push"
	BySocial   Channel = "social"
	InPerson   Channel = "in_person"
	ByAnything Channel = "any" // in a consent: every channel
)

// Channels returns every channel that can carry a message, in a fixed order; ByAnything is not one.
func Channels() []Channel {
	return []Channel{ByEmail, BySMS, ByPhone, ByPost, ByPush, BySocial, InPerson}
}

// Valid reports whether c is one of the channels, or ByAnything.
func (c Channel) Valid() bool {
	for _, k := range Channels() {
		if c == k {
			return true
		}
	}
	return c == ByAnything
}

// Source says where personal data came from. It is stored with what is written. The zero value means the
// principal typed it in.
type Source struct {
	System string // the system or list, such as "signup", 0 to 64 bytes
	Ref    string // its own reference there, such as a file name or batch, 0 to 200 bytes
}
