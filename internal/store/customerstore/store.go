package customerstore

import (
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Store implements [customer.Store] and [activity.Store]. It is safe for concurrent use.
type Store struct {
	db   *store.DB
	keys *keys.Ring
}

var (
	_ customer.Store = (*Store)(nil)
	_ activity.Store = (*Store)(nil)
)

// New returns a Store on a database, which seals with the keys.
func New(db *store.DB, keys *keys.Ring) *Store { return &Store{db, keys} }

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return slices.Concat(customerStatements(), pointStatements(), lookupStatements(), stages.Statements(),
		relations.Statements(), hierarchyStatements(), interactions.Statements(), activityStatements(), objects.Statements())
}

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }

func (s *Store) sqlite() bool { return s.db.Dialect().Name() == store.SQLite }

// Both dialects' test for an id in a [store.IDList], which is argument $2.
const (
	inListPostgres = ` = ANY($2::uuid[])`
	inListSQLite   = ` IN (SELECT unhex(value) FROM json_each($2))`
)

// splitIn is a statement in which "[IN]" stands for the test.
func splitIn(name, text string) store.SQL {
	return store.Split(name, strings.ReplaceAll(text, "[IN]", inListPostgres), strings.ReplaceAll(text, "[IN]", inListSQLite))
}

// taken is the check of a write that names a field for a repeated key.
func taken(field string) func(error) error {
	return func(err error) error {
		if !store.Duplicate(err) {
			return err
		}
		whose := "is taken by another customer"
		if field == "id" {
			whose = "is taken: choose another one"
		}
		f := fault.New(fault.Conflict, whose+": %w", err)
		f.Field, f.Reason = field, work.ReasonTaken
		return f
	}
}
