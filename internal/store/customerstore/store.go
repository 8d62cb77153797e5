package customerstore

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Store implements [customer.Store]. It is safe for concurrent use.
type Store struct {
	db   *store.DB
	keys *keys.Ring
}

var _ customer.Store = (*Store)(nil)

// New returns a Store on a database, which seals with the keys.
func New(db *store.DB, keys *keys.Ring) *Store { return &Store{db, keys} }

// Statements lists every static statement of the package.
func Statements() []store.SQL {
	return slices.Concat(customerStatements(), pointStatements(), lookupStatements(), historyStatements(),
		relationshipStatements(), interactionStatements())
}

func (s *Store) on(c *work.Call) store.Conn { return s.db.On(c.Unit) }

func (s *Store) sqlite() bool { return s.db.Dialect().Name() == store.SQLite }

// idList is a list of ids as one argument: an array on PostgreSQL, a JSON array of hexadecimal texts on SQLite.
func (s *Store) idList(ids []ident.ID) string {
	var b strings.Builder
	b.Grow(len(ids)*37 + 2)
	open, quote, end := "{", "", "}"
	if s.sqlite() {
		open, quote, end = "[", `"`, "]"
	}
	b.WriteString(open)
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(quote)
		b.WriteString(hex.EncodeToString(id[:]))
		b.WriteString(quote)
	}
	b.WriteString(end)
	return b.String()
}

// Both dialects' test for an id in such a list, which is argument $2.
const (
	inListPostgres = ` = ANY($2::uuid[])`
	inListSQLite   = ` IN (SELECT unhex(value) FROM json_each($2))`
)

// splitIn is a statement in which "[IN]" stands for the test.
func splitIn(name, text string) store.SQL {
	return store.Split(name, strings.ReplaceAll(text, "[IN]", inListPostgres), strings.ReplaceAll(text, "[IN]", inListSQLite))
}

// taken turns a repeated key into the fault that names the field.
func taken(err error, field string) error {
	if !store.Duplicate(err) {
		return err
	}
	whose := "is taken by another customer"
	if field == "id" { // of a customer, a relationship or an interaction
		whose = "is taken: choose another one"
	}
	f := fault.New(fault.Conflict, whose+": %w", err)
	f.Field, f.Reason = field, "taken"
	return f
}

func missing(err error, what string) error {
	if errors.Is(err, store.ErrNoRow) {
		return fault.New(fault.NotFound, "no such %s, or none that you may see", what)
	}
	return err
}

// conflict is the fault of a version that moved.
func (s *Store) conflict(ctx context.Context, c *work.Call, q store.SQL, id ident.ID) error {
	f := fault.New(fault.Conflict, "the record was changed meanwhile: load it again and repeat")
	if err := s.on(c).Get(ctx, q, &f.Current, c.Tenant(), id); err != nil {
		return missing(err, "record")
	}
	return f
}
