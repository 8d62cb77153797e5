package servicestore

import (
	"slices"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

var (
	cases   = store.TableOf[service.Case](work.Find(service.Kinds(), service.EntityCase), nil)
	entries = store.LinesOf[service.Entry]("case.entries", "crm_case_entry", "case", caseSubject, "version, ordinal",
		map[string]string{"from": "from_value", "to": "to_value"})
)

// caseSubject is whose key seals the notes of a case.
const caseSubject = "(SELECT r.customer_id FROM crm_case r WHERE r.tenant_id = $1 AND r.id = $2)"

// Statements lists every static statement of the package.
func Statements() []store.SQL { return slices.Concat(cases.Statements(), entries.Statements()) }

// Store implements [service.Store]. It is safe for concurrent use.
type Store struct {
	db   *store.DB
	keys *keys.Ring
}

var _ service.Store = (*Store)(nil)

// New returns a Store on a database, which seals texts by the keys of customers.
func New(db *store.DB, keys *keys.Ring) *Store { return &Store{db, keys} }

// Cases implements [service.Store].
func (s *Store) Cases() work.Store[service.Case] { return cases.On(s.db, s.keys) }

// Entries implements [service.Store].
func (s *Store) Entries() work.Lines[service.Entry] { return entries.On(s.db, s.keys) }
