package tenantcache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/tenantcache"
	"github.com/rapport-crm/rapport/core/work"
)

// source is a database of one number per tenant, which is its own version. A unit is a transaction that sees another
// number.
type source struct {
	stored, versions, loads atomic.Int64
	broken                  atomic.Bool
	now                     atomic.Int64 // seconds, in thousandths
}

var errBroken = errors.New("broken")

func (s *source) read(u work.Unit) (int64, error) {
	if s.broken.Load() {
		return 0, errBroken
	}
	if n, ok := u.(int64); ok {
		return n, nil
	}
	return s.stored.Load(), nil
}

func (s *source) cache() *tenantcache.Cache[int64] {
	return tenantcache.New(tenantcache.Config[int64]{
		Version: func(_ context.Context, u work.Unit, _ string) (int64, error) {
			s.versions.Add(1)
			return s.read(u)
		},
		Load: func(_ context.Context, u work.Unit, _ string) (int64, int64, error) {
			s.loads.Add(1)
			n, err := s.read(u)
			return n, n, err
		},
		Clock: func() time.Time { return time.UnixMilli(s.now.Load()) },
	})
}

func get(t *testing.T, c *tenantcache.Cache[int64], u work.Unit) int64 {
	t.Helper()
	n, err := c.Get(t.Context(), u, "acme")
	require.NoError(t, err)
	return n
}

func TestAValueIsAtMostASecondOld(t *testing.T) {
	t.Parallel()

	var s source
	c := s.cache()
	require.Zero(t, get(t, c, nil))
	s.stored.Store(1)
	s.now.Store(499)
	require.Zero(t, get(t, c, nil))
	require.Zero(t, s.versions.Load(), "reading costs nothing")
	s.now.Store(500)
	require.Equal(t, int64(1), get(t, c, nil), "the first to come looks")
	require.Equal(t, int64(2), s.loads.Load())
	s.now.Store(10_000)
	require.Equal(t, int64(1), get(t, c, nil))
	require.Equal(t, int64(2), s.loads.Load(), "the version has not moved")
}

func TestOneLooksWhileOthersGoOn(t *testing.T) {
	t.Parallel()

	var s source
	var c *tenantcache.Cache[int64]
	inside := make(chan struct{})
	release := make(chan struct{})
	c = tenantcache.New(tenantcache.Config[int64]{
		Version: func(context.Context, work.Unit, string) (int64, error) {
			close(inside)
			<-release
			return 0, nil
		},
		Load:  func(context.Context, work.Unit, string) (int64, int64, error) { return 0, 0, nil },
		Clock: func() time.Time { return time.UnixMilli(s.now.Load()) },
	})
	get(t, c, nil)
	s.now.Store(700)
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = c.Get(t.Context(), nil, "acme") })
	<-inside
	get(t, c, nil) // does not wait
	close(release)
	wg.Wait()
}

func TestAChangeOfOnesOwn(t *testing.T) {
	t.Parallel()

	var s source
	c := s.cache()
	require.Zero(t, get(t, c, nil))
	end := c.Begin("acme")
	require.Equal(t, int64(1), get(t, c, int64(1)), "its transaction sees it")
	require.Zero(t, get(t, c, nil), "nobody else does")
	s.stored.Store(1)
	end()
	require.Equal(t, int64(1), get(t, c, nil), "committed")
}

func TestAChangeInSomebodyElsesTransaction(t *testing.T) {
	t.Parallel()

	var s source
	c := s.cache()
	require.Zero(t, get(t, c, nil))
	c.Hold("acme")
	require.Equal(t, int64(1), get(t, c, int64(1)))
	require.Zero(t, get(t, c, nil), "rolled back: nothing was kept")
	s.stored.Store(2)
	require.Equal(t, int64(2), get(t, c, nil), "committed")
	s.now.Store((6 * time.Minute).Milliseconds())
	require.Equal(t, int64(2), get(t, c, nil))
	loads, versions := s.loads.Load(), s.versions.Load()
	require.Equal(t, int64(2), get(t, c, nil))
	require.Equal(t, []int64{loads, versions}, []int64{s.loads.Load(), s.versions.Load()}, "cached again")
}

func TestALongTransactionKeepsItsOwnView(t *testing.T) {
	t.Parallel()

	var s source
	s.stored.Store(2)
	c := s.cache()
	require.Equal(t, int64(2), get(t, c, nil))
	s.now.Store(2000)
	require.Equal(t, int64(1), get(t, c, int64(1)))
	require.Equal(t, int64(2), get(t, c, nil), "others do not get it")
}

func TestAFailureIsNotKept(t *testing.T) {
	t.Parallel()

	var s source
	c := s.cache()
	s.broken.Store(true)
	_, err := c.Get(t.Context(), nil, "acme")
	require.ErrorIs(t, err, errBroken)
	s.broken.Store(false)
	require.Zero(t, get(t, c, nil))
	s.broken.Store(true)
	s.now.Store(2000)
	_, err = c.Get(t.Context(), nil, "acme")
	require.ErrorIs(t, err, errBroken, "an old value is not handed out")
}

func TestManyTenants(t *testing.T) {
	t.Parallel()

	var s source
	c := s.cache()
	end := c.Begin("acme")
	for i := range 45_000 {
		_, err := c.Get(t.Context(), nil, fmt.Sprint(i))
		require.NoError(t, err)
	}
	require.Equal(t, int64(7), get(t, c, int64(7)), "a tenant with a pending change is not forgotten")
	require.Zero(t, get(t, c, nil))
	end()
}

func BenchmarkGet(b *testing.B) {
	var s source
	c := s.cache()
	for b.Loop() {
		_, _ = c.Get(b.Context(), nil, "acme")
	}
}
