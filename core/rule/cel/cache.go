package cel

import (
	"container/list"
	"sync"
)

// cache keeps the values used last. It is safe for concurrent use.
type cache[V any] struct {
	mu    sync.Mutex
	limit int
	by    map[string]*list.Element
	order *list.List // newest in front
}

type entry[V any] struct {
	key   string
	value V
}

func newCache[V any](limit int) *cache[V] {
	return &cache[V]{limit: limit, by: map[string]*list.Element{}, order: list.New()}
}

func (c *cache[V]) get(key string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.by[key]
	if e == nil {
		return v, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*entry[V]).value, true //nolint:forcetypeassert // only entries are stored
}

func (c *cache[V]) put(key string, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[key] != nil {
		return
	}
	c.by[key] = c.order.PushFront(&entry[V]{key, v})
	if c.order.Len() > c.limit {
		last := c.order.Back()
		c.order.Remove(last)
		delete(c.by, last.Value.(*entry[V]).key) //nolint:forcetypeassert // only entries are stored
	}
}
