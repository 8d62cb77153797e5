package personal

import (
	"errors"
	"sync"
)

// ErrMasked is returned by [Text.Value] for a value the reader may not see.
var ErrMasked = errors.New("personal: the value is masked for this reader")

// cell is what a Text points to. The value stands in a function and not in a field: fmt follows the pointer of a Text
// in somebody's unexported field without calling any method (%s does), and so do printers built upon reflection, but
// none of them sees into a function.
type cell struct {
	class Class
	state State
	open  func() (string, error)
}

func clearCell(class Class, value string) *cell {
	return &cell{class: class, state: Clear, open: func() (string, error) { return value, nil }}
}

func maskedCell(class Class) *cell {
	return &cell{class: class, state: Masked, open: func() (string, error) { return "", ErrMasked }}
}

func sealedCell(class Class, sealed []byte, o Opener) *cell {
	return &cell{class: class, state: Sealed, open: sync.OnceValues(func() (string, error) { return o.Open(sealed) })}
}
