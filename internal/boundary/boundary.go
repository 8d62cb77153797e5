package boundary

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/plugin"
)

// entityCustomer is the kind to whose records the others belong.
const entityCustomer = "customer"

// Boundary stands between the domains and the extensions. It is safe for concurrent use.
type Boundary struct {
	cfg     Config
	members []*member

	mu         sync.Mutex
	generation [16]byte            // changes with each Start: tokens of an earlier one are void
	grants     map[ident.ID]*grant // what is being handled now, by the id in its token
}

// member is one extension.
type member struct {
	ext      plugin.Extension
	manifest plugin.Manifest

	mu       sync.Mutex
	suspects map[ident.ID]int // events over which the extension failed as a whole, with how often it died over them alone
}

// Start starts every extension. When one fails, the others are stopped again.
//
// Errors: what keeps an extension from starting.
func (b *Boundary) Start(ctx context.Context) error {
	b.mu.Lock()
	if _, err := rand.Read(b.generation[:]); err != nil {
		b.mu.Unlock()
		return err
	}
	b.mu.Unlock()
	for i, m := range b.members {
		if err := m.ext.Start(ctx, func(token string) plugin.Host { return &host{b, m, token} }); err != nil {
			for _, started := range b.members[:i] {
				err = errors.Join(err, started.ext.Stop(ctx))
			}
			return err
		}
	}
	return nil
}

// Stop stops every extension, all at once, and voids every token.
func (b *Boundary) Stop(ctx context.Context) error {
	errs := make([]error, len(b.members))
	var all sync.WaitGroup
	for i, m := range b.members {
		all.Go(func() { errs[i] = m.ext.Stop(ctx) })
	}
	all.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.grants)
	return errors.Join(errs...)
}
