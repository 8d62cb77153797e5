package store

import (
	"context"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"strings"
	"unsafe"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// Save implements [work.Store].
func (b *Bound[T, P]) Save(ctx context.Context, c *work.Call, before, after *T) error {
	conn := b.DB.On(c.Unit)
	sealed, err := b.seal(ctx, c, before, after)
	if err != nil {
		return err
	}
	if before == nil {
		err = b.insert(c, conn, after, sealed)
	} else {
		err = b.update(c, conn, before, after, sealed)
	}
	if err != nil {
		return err
	}
	if err := b.indexWords(c, conn, before, after); err != nil || b.custom == nil {
		return err
	}
	return conn.IndexCustom(c.Tenant(), c.Entity, P(after).Base().ID, b.values(before), b.values(after))
}

func (b *Bound[T, P]) insert(c *work.Call, conn Conn, rec *T, sealed []any) error {
	args, err := b.birthArgs(c, rec)
	if err != nil {
		return err
	}
	plain, err := b.plainArgs(rec)
	if err != nil {
		return err
	}
	return conn.Queue(b.sql.insert, Taken, slices.Concat(args, plain, sealed)...)
}

// update writes the plain columns, and the sealed ones only where a text differs.
func (b *Bound[T, P]) update(c *work.Call, conn Conn, before, after *T, sealed []any) error {
	m, was := P(after).Base(), P(before).Base().Version
	plain, err := b.plainArgs(after)
	if err != nil {
		return err
	}
	check := func(err error) error { return Moved(Taken(err), was) }
	if err := conn.QueueOne(b.sql.update, check, append([]any{c.Tenant(), m.ID, was}, plain...)...); err != nil || sealed == nil {
		return err
	}
	return conn.QueueOne(b.sql.reseal, check, append([]any{c.Tenant(), m.ID, m.Version}, sealed...)...)
}

// Delete implements [work.Store].
func (b *Bound[T, P]) Delete(_ context.Context, c *work.Call, before, after *T) error {
	return b.move(c, b.sql.discard, before, after, c.Now)
}

// Restore implements [work.Store].
func (b *Bound[T, P]) Restore(_ context.Context, c *work.Call, before, after *T) error {
	return b.move(c, b.sql.restore, before, after, nil)
}

func (b *Bound[T, P]) move(c *work.Call, q SQL, before, after *T, deleted any) error {
	m, was := P(after).Base(), P(before).Base().Version
	check := func(err error) error { return Moved(Taken(err), was) }
	return b.DB.On(c.Unit).QueueOne(q, check, c.Tenant(), m.ID, was, m.Version, m.UpdatedAt, deleted)
}

// Insert implements [work.Store] by the dialect's bulk load.
func (b *Bound[T, P]) Insert(ctx context.Context, c *work.Call, recs []*T) error {
	rows := make([][]any, len(recs))
	if err := b.learnKeys(ctx, c, recs); err != nil {
		return err
	}
	fresh, err := b.freshKeys(ctx, c, recs)
	if err != nil {
		return err
	}
	for i, rec := range recs {
		if rows[i], err = b.insertArgs(c, rec, fresh[i]); err != nil {
			return err
		}
	}
	if _, err := b.DB.On(c.Unit).BulkLoad(ctx, b.kind.Table, b.insertColumns(), each(rows)); err != nil {
		return Taken(err)
	}
	return b.insertBeside(ctx, c, recs)
}

// insertBeside loads what stands beside the records: sort keys of custom fields, and words.
func (b *Bound[T, P]) insertBeside(ctx context.Context, c *work.Call, recs []*T) error {
	conn := b.DB.On(c.Unit)
	if len(b.search) > 0 {
		var rows [][]any
		for _, rec := range recs {
			for _, word := range b.words(rec) {
				rows = append(rows, []any{c.Tenant(), c.Entity.Name, word, P(rec).Base().ID})
			}
		}
		if _, err := conn.BulkLoad(ctx, "crm_word", wordColumns, each(rows)); err != nil {
			return err
		}
	}
	if b.custom == nil {
		return nil
	}
	var rows [][]any
	for _, name := range c.Entity.SortFields() {
		key, custom := strings.CutPrefix(name, schema.CustomPrefix)
		for _, rec := range recs {
			if v := b.values(rec).Get(key); custom && !v.IsBlank() {
				rows = append(rows, SortKeyRow(c.Tenant(), c.Entity.Name, key, P(rec).Base().ID, v))
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := conn.BulkLoad(ctx, "crm_field_index", SortKeyColumns(), each(rows))
	return err
}

func each(rows [][]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

func (b *Bound[T, P]) insertColumns() []string {
	out := append([]string{"tenant_id"}, b.names(func(c *column) bool { return c.once })...)
	out = append(out, b.names(func(c *column) bool { return !c.once && !c.sealed })...)
	if b.custom != nil {
		out = append(out, "custom")
	}
	return append(out, b.names(func(c *column) bool { return c.sealed })...)
}

func (b *Bound[T, P]) insertArgs(c *work.Call, rec *T, key keys.Key) ([]any, error) {
	args, err := b.birthArgs(c, rec)
	if err != nil {
		return nil, err
	}
	plain, err := b.plainArgs(rec)
	if err != nil {
		return nil, err
	}
	sealed, err := b.sealWith(key, rec)
	return slices.Concat(args, plain, sealed), err
}

func (b *Bound[T, P]) birthArgs(c *work.Call, rec *T) ([]any, error) {
	return appendArgs([]any{c.Tenant()}, b.columns, unsafe.Pointer(rec), func(c *column) bool { return c.once })
}

func (b *Bound[T, P]) plainArgs(rec *T) ([]any, error) {
	args, err := appendArgs(make([]any, 0, len(b.columns)+1), b.columns, unsafe.Pointer(rec), func(c *column) bool { return !c.once && !c.sealed })
	if err != nil || b.custom == nil {
		return args, err
	}
	if v := b.values(rec); !v.IsZero() {
		return append(args, JSON(v.Encode())), nil
	}
	return append(args, nil), nil
}

func appendArgs(args []any, columns []column, rec unsafe.Pointer, choose func(c *column) bool) ([]any, error) {
	for i := range columns {
		c := &columns[i]
		if !choose(c) {
			continue
		}
		arg, err := c.arg(unsafe.Add(rec, c.offset))
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
	}
	return args, nil
}

// values are the custom values of a record; none of none.
func (b *Bound[T, P]) values(rec *T) schema.Values {
	if rec == nil {
		return schema.Values{}
	}
	return *(*schema.Values)(unsafe.Add(unsafe.Pointer(rec), *b.custom))
}

// texts returns the sealed texts of a record in the order of their columns.
func (b *Bound[T, P]) texts(rec *T) []personal.Text {
	var out []personal.Text
	for i := range b.columns {
		if c := &b.columns[i]; c.sealed {
			out = append(out, *(*personal.Text)(unsafe.Add(unsafe.Pointer(rec), c.offset)))
		}
	}
	return out
}

// seal returns the arguments of the sealed columns, or nil when no text differs from before. A record without texts
// needs no key.
func (b *Bound[T, P]) seal(ctx context.Context, c *work.Call, before, after *T) ([]any, error) {
	if !b.sealed {
		return nil, nil
	}
	texts := b.texts(after)
	if before != nil && slices.EqualFunc(b.texts(before), texts, personal.Text.Equal) {
		return nil, nil
	}
	var key keys.Key
	if slices.ContainsFunc(texts, func(t personal.Text) bool { return !t.IsZero() }) {
		var err error
		if key, err = b.key(ctx, c, before, after); err != nil {
			return nil, err
		}
	}
	return b.sealWith(key, after)
}

// key returns the key of whom the record belongs to; a record of its own gets a fresh one with its first text.
func (b *Bound[T, P]) key(ctx context.Context, c *work.Call, before, after *T) (keys.Key, error) {
	if before != nil || b.subject != "id" {
		return KeyOf(ctx, b.Keys, c, b.kind.Entity.KeyHolder(P(after)))
	}
	return b.Keys.Fresh(ctx, c.Unit, c.Tenant(), P(after).Base().ID)
}

func (b *Bound[T, P]) sealWith(key keys.Key, rec *T) ([]any, error) {
	var args []any
	for i := range b.columns {
		col := &b.columns[i]
		if !col.sealed {
			continue
		}
		sealed, err := sealText(key, b.place(col, P(rec).Base().ID), *(*personal.Text)(unsafe.Add(unsafe.Pointer(rec), col.offset)))
		if err != nil {
			return nil, err
		}
		args = append(args, sealed)
	}
	return args, nil
}

// freshKeys returns the key of each new record, the zero key for one without texts.
func (b *Bound[T, P]) freshKeys(ctx context.Context, c *work.Call, recs []*T) ([]keys.Key, error) {
	out := make([]keys.Key, len(recs))
	if !b.sealed {
		return out, nil
	}
	for i, rec := range recs {
		if !slices.ContainsFunc(b.texts(rec), func(t personal.Text) bool { return !t.IsZero() }) {
			continue
		}
		var err error
		if out[i], err = b.key(ctx, c, nil, rec); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Taken is the check of a write that names a field for a repeated key, by what the database says of the index: the
// external id, the key field, or else the id.
func Taken(err error) error {
	if !Duplicate(err) {
		return err
	}
	field := "id"
	switch text := err.Error(); {
	case strings.Contains(text, "_ext"), strings.Contains(text, ".ext_"):
		field = "ext"
	case strings.Contains(text, "_key") && !strings.Contains(text, "_pkey"), strings.Contains(text, ".key"):
		field = "key"
	}
	f := fault.New(fault.Conflict, "is taken: choose another one: %w", err)
	f.Message = "is taken: choose another one" // end users see no names of tables
	f.Field, f.Reason = field, work.ReasonTaken
	return f
}

// Moved turns the missing row of an update into the Conflict of a version that moved. Whoever saves holds the row, so this
// is the second net.
func Moved(err error, current int64) error {
	if !errors.Is(err, ErrNoRow) {
		return err
	}
	f := fault.New(fault.Conflict, "the record was changed meanwhile: load it again and repeat")
	f.Current = current
	return f
}

// IDList is a list of ids as one argument: an array on PostgreSQL, a JSON array of hexadecimal texts on SQLite.
func IDList(db *DB, ids []ident.ID) string {
	open, quote, end := "{", "", "}"
	if db.Dialect().Name() == SQLite {
		open, quote, end = "[", `"`, "]"
	}
	var b strings.Builder
	b.Grow(len(ids)*35 + 2)
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
