package outbox

import (
	"context"
	"strings"
	"testing"
)

// HandOut does one batch of the first half of the relay's work.
func (r *Relay) HandOut(ctx context.Context, tenant string) (int, error) {
	return r.handOut(ctx, tenant)
}

// Deliver does one batch of the second half for a consumer.
func (r *Relay) Deliver(ctx context.Context, tenant string, consumer int) (int, error) {
	return r.deliver(ctx, nil, tenant, &r.cfg.Consumers[consumer])
}

// Mutate puts a deliberate fault into the query that finds what may be delivered, until the test ends. Tests that use
// it must not be parallel.
func Mutate(t *testing.T, part, instead string) {
	t.Helper()
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	mutant := strings.Replace(words(claimable), words(part), words(instead), 1)
	if mutant == words(claimable) {
		t.Fatalf("the query has no part %q", part)
	}
	claimDeliveries = claimOf(mutant)
	t.Cleanup(func() { claimDeliveries = claimOf(claimable) })
}
