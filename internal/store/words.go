package store

import (
	"slices"
	"strings"
	"unsafe"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/names"
)

var (
	putWord = Same("store.put_word", `
		INSERT INTO crm_word (tenant_id, entity, word, record_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, entity, word, record_id) DO NOTHING`)
	dropWord = Same("store.drop_word", `
		DELETE FROM crm_word WHERE tenant_id = $1 AND entity = $2 AND word = $3 AND record_id = $4`)
)

var wordColumns = []string{"tenant_id", "entity", "word", "record_id"}

// words are the words of a record's searchable fields, each once.
func (t *Table[T, P]) words(rec *T) []string {
	if rec == nil {
		return nil
	}
	texts := make([]string, len(t.search))
	for i, at := range t.search {
		c := &t.columns[at]
		p := unsafe.Add(unsafe.Pointer(rec), c.offset)
		if c.decode != nil {
			texts[i] = (*personal.Text)(p).Reveal()
		} else {
			texts[i] = *(*string)(p)
		}
	}
	return names.Tokens(texts...)
}

// indexWords brings the words of a record up to its new text.
func (b *Bound[T, P]) indexWords(c *work.Call, conn Conn, before, after *T) error {
	if len(b.search) == 0 {
		return nil
	}
	was, is := b.words(before), b.words(after)
	id := P(after).Base().ID
	for _, word := range is {
		if !slices.Contains(was, word) {
			if err := conn.Queue(putWord, nil, c.Tenant(), c.Entity.Name, word, id); err != nil {
				return err
			}
		}
	}
	for _, word := range was {
		if !slices.Contains(is, word) {
			if err := conn.Queue(dropWord, nil, c.Tenant(), c.Entity.Name, word, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// Nothing is the condition that no record meets.
const Nothing = "1=0"

// found is the condition of records that have every word of a search, the last one as a beginning. A blank search finds
// everything, one of signs only nothing.
func (b *Bound[T, P]) found(c *work.Call, bind rule.Binder, search string) string {
	q := names.NewQuery(search)
	switch {
	case strings.TrimSpace(search) == "":
		return ""
	case q.IsZero():
		return Nothing
	}
	having := "SELECT w.record_id FROM crm_word w WHERE w.tenant_id = $1 AND w.entity = " + bind.Arg(c.Entity.Name) + " AND "
	var all []string
	for _, word := range q.Words {
		all = append(all, having+"w.word = "+bind.Arg(word))
	}
	if q.Prefix != "" {
		all = append(all, having+"w.word >= "+bind.Arg(q.Prefix)+" AND w.word < "+bind.Arg(q.Prefix+"\U0010FFFF"))
	}
	ids := strings.Join(all, " INTERSECT ")
	if b.DB.Dialect().Name() == SQLite {
		return alias + ".id IN (" + ids + ")"
	}
	// PostgreSQL is held to find the words once: without statistics it would rather look at all words for each record.
	return alias + ".id = ANY(ARRAY(" + ids + "))"
}
