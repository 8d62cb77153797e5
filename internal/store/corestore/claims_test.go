package corestore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

func booth(names ...string) (keys []claim.Key) {
	for _, n := range names {
		keys = append(keys, claim.Key{Namespace: "hall", Key: n})
	}
	return keys
}

func request(names ...string) claim.Request {
	return claim.Request{Keys: booth(names...), Holder: ident.Ref{Entity: "opportunity", ID: ident.New()}, For: time.Hour}
}

func TestClaims(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f := newBundle(t, b)
		mine, other := f.claims.In(new(scope("u-1"))), f.claims.In(new(scope("u-2")))
		ctx := t.Context()
		r := request("B2", "B1")
		got, err := mine.Acquire(ctx, r)
		require.NoError(t, err)
		read, err := mine.Get(ctx, got.ID)
		require.NoError(t, err)
		require.Equal(t, got, read)
		require.Equal(t, booth("B1", "B2"), read.Keys)
		require.Equal(t, r.Holder, read.Holder)
		_, err = other.Get(ctx, got.ID)
		require.Equal(t, fault.NotFound, fault.CodeOf(err), "records of others are not there")

		_, err = other.Acquire(ctx, request("B3", "B2"))
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
		_, held, err := f.claims.In(new(scope(""))).Of(ctx, booth("B3")[0])
		require.NoError(t, err)
		require.False(t, held, "all keys or none")
		owner, held, err := mine.Of(ctx, booth("B2")[0])
		require.NoError(t, err)
		require.True(t, held)
		require.Equal(t, got.ID, owner.ID)

		swapped, err := mine.Swap(ctx, got.ID, booth("B2", "B9"))
		require.NoError(t, err)
		require.EqualValues(t, 2, swapped.Version)
		_, err = other.Acquire(ctx, request("B1"))
		require.NoError(t, err, "what was swapped away is free")
		f.now = f.now.Add(2 * time.Hour)
		taken, err := other.Acquire(ctx, request("B2"))
		require.NoError(t, err, "a hold that has run out is free")
		_, err = mine.Commit(ctx, got.ID)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "expired"})
		_, err = other.Commit(ctx, taken.ID)
		require.NoError(t, err)
		f.now = f.now.Add(10000 * time.Hour)
		_, err = mine.Acquire(ctx, request("B2"))
		require.Equal(t, fault.Conflict, fault.CodeOf(err), "a committed claim does not run out")
		_, err = mine.Release(ctx, got.ID)
		require.NoError(t, err)
		_, held, err = other.Of(ctx, booth("B2")[0])
		require.NoError(t, err)
		require.True(t, held, "releasing an old hold leaves alone who came after")
		_, err = other.Release(ctx, taken.ID)
		require.NoError(t, err)
		_, err = mine.Acquire(ctx, request("B2"))
		require.NoError(t, err)
		double := request("B7")
		double.ID = got.ID
		_, err = mine.Acquire(ctx, double)
		require.Equal(t, fault.Conflict, fault.CodeOf(err), "an id is used once")
	})
}

func TestOneOfManyGetsTheKey(t *testing.T) {
	t.Parallel()

	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		f := newBundle(t, b)
		const many = 8
		var wg sync.WaitGroup
		errs := make([]error, many)
		for i := range many {
			wg.Go(func() {
				_, errs[i] = f.claims.In(new(scope(fmt.Sprint("u-", i)))).Acquire(t.Context(), request("B1", "B2", "B3"))
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
		}
		require.Equal(t, 1, won)
		require.Equal(t, 1, count(t, b, "crm_claim WHERE tenant_id = $1"))
		require.Equal(t, 1, count(t, b, "crm_audit WHERE tenant_id = $1"), "who was refused left nothing")
	})
}
