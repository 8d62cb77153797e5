package personal

import (
	"errors"
	"sync"
)

// ErrMasked is returned by [Text.Value] for a value the reader may not see.
var ErrMasked = errors.New("personal: the value is masked for this reader")

// cell is what a Text points to. Its formatting methods make sure that even a printed pointer target shows nothing.
type cell struct {
	class  Class
	state  State
	value  string
	sealed []byte
	opener Opener
	once   sync.Once
	err    error
}

func (c *cell) open() (string, error) {
	switch c.state {
	case Clear:
		return c.value, nil
	case Masked:
		return "", ErrMasked
	case Sealed:
		c.once.Do(func() { c.value, c.err = c.opener.Open(c.sealed) })
		return c.value, c.err
	}
	return "", nil
}
