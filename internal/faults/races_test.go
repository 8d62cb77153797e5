package faults_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// bid is what a buyer does with one booth: take it, or give it back.
type bid struct {
	take  bool
	buyer int
	booth string
}

// booths is the law of claims: a booth has no buyer or one.
var booths = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[string][]porcupine.Operation{}
		for _, op := range history {
			name := op.Input.(bid).booth
			parts[name] = append(parts[name], op)
		}
		var out [][]porcupine.Operation
		for _, p := range parts {
			out = append(out, p)
		}
		return out
	},
	Init: func() any { return -1 },
	Step: func(state, input, output any) (bool, any) {
		owner, in, ok := state.(int), input.(bid), output.(bool)
		switch {
		case in.take && ok:
			return owner == -1, in.buyer
		case in.take:
			return owner != -1, owner
		}
		return owner == in.buyer && ok, -1
	},
}

// TestClaimsAreLinearizable has buyers take booths and give them back, all at once.
func TestClaimsAreLinearizable(t *testing.T) {
	t.Parallel()
	seed := dbtest.Seed(t)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := newHouse(t, b, nil)
		const buyers = 4
		var mu sync.Mutex
		var history []porcupine.Operation
		won, lost := 0, 0
		began := time.Now()
		note := func(in bid, call time.Duration, ok bool) {
			mu.Lock()
			defer mu.Unlock()
			history = append(history, porcupine.Operation{ClientId: in.buyer, Input: in, Output: ok, Call: int64(call), Return: int64(time.Since(began))})
			if in.take && ok {
				won++
			} else if in.take {
				lost++
			}
		}
		var all sync.WaitGroup
		for n := range buyers {
			all.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(n))) //nolint:gosec // repeatable
				s := h.admin(victims)
				for range dbtest.Soak(12, 300) {
					in := bid{take: true, buyer: n, booth: fmt.Sprint("B", r.IntN(2))}
					call := time.Since(began)
					c, err := s.Claims.Acquire(t.Context(), claim.Request{
						Keys: []claim.Key{booth(in.booth)}, Holder: ident.Ref{Entity: "customer", ID: ident.New()}, For: time.Hour,
					})
					note(in, call, err == nil)
					if err != nil {
						if !errors.Is(err, fault.ErrConflict) {
							t.Errorf("acquire: %v", err)
						}
						continue
					}
					in.take = false
					call = time.Since(began)
					_, err = s.Claims.Release(t.Context(), c.ID)
					note(in, call, err == nil)
				}
			})
		}
		all.Wait()
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(booths, history, time.Minute))
		require.Positive(t, won)
		t.Logf("%s: %d taken, %d refused", b.Name, won, lost)
		h.drain(t, victims)
		requireSound(t, b.Write, victims)
	})
}

// atOnce runs fn many times at the same time and returns what each got.
func atOnce[T any](n int, fn func(i int) (T, error)) (out []T, errs []error) {
	out, errs = make([]T, n), make([]error, n)
	gate := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-gate
			out[i], errs[i] = fn(i)
		})
	}
	close(gate)
	all.Wait()
	return out, errs
}

// TestUpsertsRaceForOneCustomer upserts one external id from everywhere.
func TestUpsertsRaceForOneCustomer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := newHouse(t, b, nil)
		s := h.admin(victims)
		rounds := dbtest.Soak(5, 200)
		for round := range rounds {
			ext := ident.Ext{System: "erp", ID: fmt.Sprint(round)}
			got, errs := atOnce(8, func(i int) (customer.Customer, error) {
				return s.Customers.Upsert(t.Context(), ext, customer.OrganizationDraft{Name: fmt.Sprint("Writer ", i)})
			})
			for i := range got {
				require.NoError(t, errs[i])
				require.Equal(t, got[0].ID, got[i].ID)
			}
		}
		require.Len(t, read(t.Context(), t, b.Write, "SELECT id FROM crm_customer"), rounds)
		h.drain(t, victims)
		requireSound(t, b.Write, victims)
	})
}

// TestOneKeyHasOneEffect uses one idempotency key from everywhere: with the same arguments all get one record, with
// others all but one get a Conflict.
func TestOneKeyHasOneEffect(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		h := newHouse(t, b, nil)
		s := h.admin(victims)
		rounds := dbtest.Soak(5, 200)
		for round := range rounds {
			got, errs := atOnce(8, func(int) (customer.Customer, error) {
				return s.Once(fmt.Sprint("same-", round)).Customers.Create(t.Context(), customer.OrganizationDraft{Name: "Same"})
			})
			for i := range got {
				require.NoError(t, errs[i])
				require.Equal(t, got[0].ID, got[i].ID)
			}
			_, errs = atOnce(8, func(i int) (customer.Customer, error) {
				return s.Once(fmt.Sprint("other-", round)).Customers.Create(t.Context(), customer.OrganizationDraft{Name: fmt.Sprint("Other ", i)})
			})
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
					continue
				}
				require.ErrorIs(t, err, fault.ErrConflict)
			}
			require.Equal(t, 1, won)
		}
		require.Len(t, read(t.Context(), t, b.Write, "SELECT id FROM crm_customer"), 2*rounds)
		h.drain(t, victims)
		requireSound(t, b.Write, victims)
	})
}

// TestTwoRelaysKeepOrderAndLoseNothing runs two CRMs in the background on one database, with a subscriber that fails
// now and then. It gets the versions of each record one after the other.
func TestTwoRelaysKeepOrderAndLoseNothing(t *testing.T) {
	t.Parallel()
	seed := dbtest.Seed(t)
	dbtest.Each(t, func(t *testing.T, b dbtest.Backend) {
		var mu sync.Mutex
		r := rand.New(rand.NewPCG(seed, 9)) //nolint:gosec // repeatable
		got := map[ident.ID][]int64{}
		failures := 0
		shaky := crm.Subscriber{
			Name: "shaky", Purpose: privacy.Operations, Kinds: []event.Kind{customer.Created, customer.Updated},
			Handle: func(_ context.Context, _ *crm.Session, e event.Event) error {
				mu.Lock()
				defer mu.Unlock()
				got[e.Record.ID] = append(got[e.Record.ID], e.Version)
				if r.IntN(6) == 0 {
					failures++
					return errors.New("not now")
				}
				return nil
			},
		}
		var houses []*house
		path := t.TempDir() + "/keys"
		for range 2 {
			kms, err := keys.OpenFile(path)
			require.NoError(t, err)
			h, err := openHouse(t.Context(), b.Write, b.Read, b.Dialect, crm.Config{
				KMS: kms, Clock: time.Now, Poll: 10 * time.Millisecond, Subscribers: []crm.Subscriber{shaky},
			})
			require.NoError(t, err)
			require.NoError(t, h.Start(t.Context()))
			houses = append(houses, h)
		}
		const versions = 6
		records, errs := atOnce(4, func(i int) (ident.ID, error) {
			s := houses[i%2].admin(victims)
			rec, err := s.Customers.Create(t.Context(), customer.OrganizationDraft{Name: fmt.Sprint("Record ", i)})
			for v := 2; err == nil && v <= versions; v++ {
				rec, err = s.Customers.Update(t.Context(), rec.ID, rec.Version, customer.Update{Name: ptr(fmt.Sprint("Record ", i, " v", v))})
			}
			return rec.ID, err
		})
		require.NoError(t, errors.Join(errs...))
		require.Eventually(t, func() bool {
			d, err := houses[0].admin(victims).Outbox.Backlog(t.Context())
			require.NoError(t, err)
			return d.Dispatch+d.Due+d.Later == 0
		}, time.Minute, 20*time.Millisecond)
		for _, h := range houses {
			require.NoError(t, h.Stop(t.Context()))
		}
		for _, id := range records {
			last := int64(0)
			for _, v := range got[id] {
				require.True(t, v == last || v == last+1, "versions came as %v", got[id])
				last = v
			}
			require.Equal(t, int64(versions), last)
		}
		requireSound(t, b.Write, victims)
		t.Logf("%s: %d failures on the way", b.Name, failures)
	})
}
