package claim_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
)

func hold(keys ...claim.Key) claim.Request {
	return claim.Request{Keys: keys, Holder: holder, For: time.Minute}
}

func TestAcquire(t *testing.T) {
	t.Parallel()

	ctx, m := t.Context(), newMemory("")
	r := hold(hall[2], hall[0], hall[2])
	r.ID = ident.New()
	c, err := m.as("u-1").Acquire(ctx, r)
	require.NoError(t, err)
	require.Equal(t, r.ID, c.ID)
	require.Equal(t, []claim.Key{hall[0], hall[2]}, c.Keys, "sorted, each once")
	require.Equal(t, claim.StateHeld, c.State)
	require.Equal(t, m.clock.Add(time.Minute), c.Until)
	require.Equal(t, "u-1", c.OwnerUser)
	require.Equal(t, holder, c.Holder)
	require.True(t, c.Holds(hall[2]))
	require.False(t, c.Holds(hall[1]))

	_, err = m.as("u-2").Acquire(ctx, hold(hall[1], hall[2]))
	f := faultOf(t, err)
	require.Equal(t, fault.Conflict, f.Code)
	require.Equal(t, "taken", f.Reason)
	require.Equal(t, "hall/C", f.Field)
	require.NotContains(t, f.Error(), "u-1", "who has it is not told")
	_, ok, err := m.as("u-2").Of(ctx, hall[1])
	require.NoError(t, err)
	require.False(t, ok, "all keys or none")

	_, err = m.as("u-1").Acquire(ctx, r)
	require.ErrorIs(t, err, fault.ErrConflict, "an id is used once")
}

func TestAcquireRefusesBadInput(t *testing.T) {
	t.Parallel()

	m := newMemory("")
	many := make([]claim.Key, claim.MaxKeys+1)
	for i := range many {
		many[i] = claim.Key{Namespace: "n", Key: fmt.Sprint(i)}
	}
	for field, r := range map[string]claim.Request{
		"keys":              {Holder: holder, For: time.Hour},
		"keys[0].namespace": {Keys: []claim.Key{{Key: "k"}}, Holder: holder, For: time.Hour},
		"keys[0].key":       {Keys: []claim.Key{{Namespace: "n", Key: "a\x00"}}, Holder: holder, For: time.Hour},
		"keys[1].key":       {Keys: []claim.Key{hall[0], {Namespace: "n", Key: "\xff"}}, Holder: holder, For: time.Hour},
		"for":               {Keys: hall, Holder: holder},
		"holder":            {Keys: hall, For: time.Hour},
	} {
		_, err := m.as("u-1").Acquire(t.Context(), r)
		require.Equal(t, field, faultOf(t, err).Field)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	for _, r := range []claim.Request{
		hold(many...), hold(claim.Key{Namespace: "n", Key: strings.Repeat("k", claim.MaxKey+1)}),
		{Keys: hall, Holder: holder, For: -1}, {Keys: hall, Holder: holder, For: time.Nanosecond}, {Keys: hall, Holder: holder, For: claim.MaxFor + 1},
	} {
		_, err := m.as("u-1").Acquire(t.Context(), r)
		require.ErrorIs(t, err, fault.ErrInvalid)
	}
	_, err := m.as("u-1").Acquire(t.Context(), claim.Request{})
	require.Len(t, faultOf(t, err).Violations, 3, "every breach is named")
	require.Empty(t, m.history)
}

func TestAHoldEndsByItself(t *testing.T) {
	t.Parallel()

	ctx, m := t.Context(), newMemory("")
	one, err := m.as("u-1").Acquire(ctx, hold(hall[0]))
	require.NoError(t, err)
	m.advance(time.Minute - time.Microsecond)
	_, err = m.as("u-2").Acquire(ctx, hold(hall[0]))
	require.ErrorIs(t, err, fault.ErrConflict)

	m.advance(time.Microsecond)
	_, ok, err := m.as("u-1").Of(ctx, hall[0])
	require.NoError(t, err)
	require.False(t, ok)
	for _, late := range []func() error{
		func() error { _, err := m.as("u-1").Extend(ctx, one.ID, time.Minute); return err },
		func() error { _, err := m.as("u-1").Commit(ctx, one.ID); return err },
		func() error { _, err := m.as("u-1").Swap(ctx, one.ID, hall[1:2]); return err },
	} {
		require.ErrorIs(t, late(), &fault.Error{Code: fault.Conflict, Reason: "expired"}, "even when nobody took the key")
	}

	two, err := m.as("u-2").Acquire(ctx, hold(hall[0]))
	require.NoError(t, err)
	_, err = m.as("u-1").Release(ctx, one.ID)
	require.NoError(t, err)
	has, ok, err := m.as("u-2").Of(ctx, hall[0])
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, two.ID, has.ID, "a late release leaves the next holder alone")
}

func TestEventsAndNoOps(t *testing.T) {
	t.Parallel()

	ctx, m := t.Context(), newMemory("")
	cs := m.as("u-1")
	c, err := cs.Acquire(ctx, hold(hall[0]))
	require.NoError(t, err)
	_, err = cs.Extend(ctx, c.ID, time.Second)
	require.NoError(t, err, "extending never shortens")
	_, err = cs.Extend(ctx, c.ID, time.Hour)
	require.NoError(t, err)
	_, err = cs.Swap(ctx, c.ID, hall[:2])
	require.NoError(t, err)
	_, err = cs.Swap(ctx, c.ID, []claim.Key{hall[1], hall[0]})
	require.NoError(t, err, "the same keys")
	for range 2 {
		_, err = cs.Commit(ctx, c.ID)
		require.NoError(t, err)
	}
	_, err = cs.Extend(ctx, c.ID, time.Hour)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "committed"})
	for range 2 {
		_, err = cs.Release(ctx, c.ID)
		require.NoError(t, err)
	}
	_, err = cs.Commit(ctx, c.ID)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "released"})

	var kinds []event.Kind
	for i, tr := range m.traces {
		require.Len(t, tr.Events, 1)
		require.Equal(t, []ident.Ref{holder}, tr.Events[0].Refs)
		require.Equal(t, int64(i+1), tr.Version)
		kinds = append(kinds, tr.Events[0].Kind)
	}
	require.Equal(t, []event.Kind{claim.Acquired, claim.Extended, claim.Swapped, claim.Committed, claim.Released}, kinds)

	got, err := cs.Get(ctx, c.ID)
	require.NoError(t, err)
	require.Equal(t, claim.StateReleased, got.State)
	require.True(t, got.Until.IsZero())
	require.False(t, got.Live(m.clock))
}

func TestOnceAcquiresOnce(t *testing.T) {
	t.Parallel()

	ctx, m := t.Context(), newMemory("")
	cs := m.in(work.Scope{Principal: ident.User("acme", "u-1", "sales"), Purpose: personal.Sales, Once: "order-7"})
	one, err := cs.Acquire(ctx, hold(hall[0]))
	require.NoError(t, err)
	again, err := cs.Acquire(ctx, hold(hall[0]))
	require.NoError(t, err)
	require.Equal(t, one.ID, again.ID)
	require.Len(t, m.traces, 1)
}

func TestClaimsOfOthers(t *testing.T) {
	t.Parallel()

	ctx, m := t.Context(), newMemory("")
	c, err := m.as("u-1").Acquire(ctx, hold(hall[0]))
	require.NoError(t, err)
	m.access = work.Access{Level: work.LevelOwn, Rows: rule.Eq("owner_user", rule.Text("u-2"))}
	_, err = m.as("u-2").Get(ctx, c.ID)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, err = m.as("u-2").Release(ctx, c.ID)
	require.ErrorIs(t, err, fault.ErrNotFound)
	_, ok, err := m.as("u-2").Of(ctx, hall[0])
	require.NoError(t, err)
	require.False(t, ok)
	_, err = m.as("u-2").Acquire(ctx, hold(hall[0]))
	require.ErrorIs(t, err, fault.ErrConflict, "exclusive across all users all the same")
	_, _, err = m.as("u-2").Of(ctx, claim.Key{})
	require.ErrorIs(t, err, fault.ErrInvalid)
}

func faultOf(t *testing.T, err error) *fault.Error {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok, "%v", err)
	return f
}

func ExampleClaims_Acquire() {
	ctx := context.Background()
	m := newMemory("") // a store in memory
	booth := claim.Key{Namespace: "hall-3", Key: "B12"}
	r := claim.Request{Keys: []claim.Key{booth}, Holder: holder, For: 15 * time.Minute}

	sold, err := m.as("ada").Acquire(ctx, r)
	if err != nil {
		log.Fatal(err)
	}
	_, err = m.as("bob").Acquire(ctx, r)
	fmt.Println(err)
	sold, err = m.as("ada").Commit(ctx, sold.ID)
	fmt.Println(sold.State, err)
	// Output:
	// claim: acquire: conflict: hall-3/B12: somebody else has this key: choose another one, or wait until it is free
	// committed <nil>
}
