package store

import (
	"context"
	"strconv"

	"github.com/rapport-crm/rapport/core/work"
)

// Key is a key of a table by which one record is read, see [Bound.By].
type Key struct{ get, lock SQL }

// KeyOf writes the statements of a key other than the id, such as the columns of an external id. suffix tells their names
// from those of other keys.
func (t *Table[T, P]) KeyOf(suffix string, columns ...string) Key {
	text := t.text()
	for i, name := range columns {
		text += " AND r." + name + " = $" + strconv.Itoa(i+2)
	}
	text += t.live(" AND r.")
	return Key{Same(t.kind.Name()+".get"+suffix, text), Split(t.kind.Name()+".lock"+suffix, text+held, text)}
}

// Reading is a statement that reads the records of the tenant in $1 that meet a further condition on r, such as an order
// behind it. [Bound.One], [Bound.All] and their like take it.
func (t *Table[T, P]) Reading(name, where string) SQL {
	return Same(name, t.text()+t.live(" AND r.")+" AND "+where)
}

// Statements lists the statements of the key.
func (k *Key) Statements() []SQL { return []SQL{k.get, k.lock} }

// By reads one record by the values of a key, as [Bound.Get] does by its id; how is [work.Look] or [work.Lock].
func (b *Bound[T, P]) By(ctx context.Context, c *work.Call, k *Key, how work.Fetch, values ...any) (*T, error) {
	return b.ByLater(ctx, c, k, how, values...)(ctx)
}

// ByLater is By for a read that travels with others: it returns what waits for the record.
func (b *Bound[T, P]) ByLater(ctx context.Context, c *work.Call, k *Key, how work.Fetch, values ...any) func(ctx context.Context) (*T, error) {
	q := [...]SQL{work.Look: k.get, work.Lock: k.lock}[how]
	return b.OneLater(ctx, c, q, append([]any{c.Tenant()}, values...)...)
}
