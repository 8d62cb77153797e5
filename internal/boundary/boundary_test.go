package boundary_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/examples/exhibition/vertical"
	"github.com/rapport-crm/rapport/plugin"
)

func TestBoothIsSoldOnceAndConfirmed(t *testing.T) {
	t.Parallel()

	each(t, func() plugin.Extension { return vertical.Extension() }, func(t *testing.T, l *lab) {
		ada, bob := l.create(t, "Ada"), l.create(t, "Bob")
		in := func(id ident.ID) map[string]any {
			return map[string]any{"exhibition": "Spring", "booth": "A-12", "buyer": id}
		}
		sold, err := l.invoke(t, l.sales, vertical.SellBooth, in(ada.ID))
		require.NoError(t, err)
		_, err = l.invoke(t, l.sales, vertical.SellBooth, in(bob.ID))
		require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
		again, err := l.invoke(t, l.sales, vertical.SellBooth, in(ada.ID))
		require.NoError(t, err)
		require.Equal(t, sold, again)

		require.NoError(t, l.relay.Drain(t.Context()))
		list := l.interactions(t)
		require.Len(t, list, 1)
		require.Equal(t, "booth A-12 confirmed", list[0].Subject.Reveal())
		require.Equal(t, ada.ID, list[0].Participants[0].Customer)
		require.Equal(t, "com.example.exhibition", list[0].CreatedBy)
		sales := 0
		for _, e := range l.heard {
			if e.Kind == vertical.BoothSold {
				sales++
				require.Equal(t, ident.KindPlugin, e.Actor.Kind)
			}
		}
		require.Equal(t, 1, sales)

		_, err = l.invoke(t, work.Scope{Principal: ident.User(tenant, "u-2", "marketing"), Purpose: personal.Sales}, vertical.SellBooth, in(bob.ID))
		require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "action"})
	})
}

func TestManyBuyersOfManyTenantsAtOnce(t *testing.T) {
	t.Parallel()

	each(t, func() plugin.Extension { return vertical.Extension() }, func(t *testing.T, l *lab) {
		type result struct {
			tenant string
			err    error
		}
		results := make(chan result, 16)
		for i := range cap(results) {
			s := work.Scope{Principal: ident.User([]string{tenant, "globex"}[i%2], "u-1", "sales"), Purpose: personal.Sales}
			buyer, err := l.customers.Customers(&s).Create(t.Context(), customer.OrganizationDraft{
				ID: ident.NewRandom(), Name: "Null O'Brien-李 & Söhne",
			})
			require.NoError(t, err)
			go func() {
				_, err := l.boundary.In(&s).Invoke(context.Background(), vertical.SellBooth, map[string]any{
					"exhibition": "0198c5b2-7f3e-4a3c-9d5f-1c2b3a4d5e6f", "booth": "A-12", "buyer": buyer.ID,
				})
				results <- result{s.Principal.Tenant, err}
			}()
		}
		sold := map[string]int{}
		for range cap(results) {
			r := <-results
			if r.err == nil {
				sold[r.tenant]++
				continue
			}
			require.ErrorIs(t, r.err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
		}
		require.Equal(t, map[string]int{tenant: 1, "globex": 1}, sold)
		require.NoError(t, l.relay.Drain(t.Context()))
		require.Len(t, l.interactions(t), 1)
	})
}

func TestQueryShowsWhatIsDeclaredAndWritesTheLedger(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			got, err := h.Query(ctx, plugin.Query{Entity: "customer", Where: page.Where{Expr: `lifecycle != "lost"`}})
			require.NoError(t, err)
			require.Len(t, got.Items, 1)
			rec := got.Items[0]
			require.Equal(t, ada.ID, rec.Ref.ID)
			require.Equal(t, []string{"lifecycle", "name"}, rec.Names())
			require.Equal(t, "Ada Lovelace", rec.Text("name").Reveal())
			require.NotContains(t, fmt.Sprintf("%v %+v %#v", rec, rec, rec), "Ada")

			for name, q := range map[string]plugin.Query{
				"another field":   {Entity: "customer", Fields: []string{"family"}},
				"another entity":  {Entity: "interaction"},
				"a hidden filter": {Entity: "customer", Where: page.Where{Expr: `family == "Lovelace"`}},
			} {
				_, err = h.Query(ctx, q)
				require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "not_granted"}, name)
			}
			missing, err := h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{ident.New()}})
			require.NoError(t, err)
			require.Empty(t, missing.Items)
			return nil
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
		lines := l.ledger(t, ada.ID)
		require.Len(t, lines, 1)
		require.Equal(t, []string{"lifecycle", "name"}, lines[0].Fields)
		require.Equal(t, "com.example.probe", lines[0].Plugin)
		require.Equal(t, personal.Sales, lines[0].Purpose)
	})
}

func TestActionHasNoMoreRightsThanItsCaller(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		var seen int
		var logged error
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			got, err := h.Query(ctx, plugin.Query{Entity: "customer", IDs: []ident.ID{ada.ID}})
			require.NoError(t, err)
			seen = len(got.Items)
			_, logged = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{note(ada.ID)}})
			return nil
		}
		other := work.Scope{Principal: ident.User(tenant, "u-9", "sales"), Purpose: personal.Sales}
		_, err := l.invoke(t, other, "probe__run", nil)
		require.NoError(t, err)
		require.Zero(t, seen, "another seller's customer")
		require.ErrorIs(t, logged, fault.ErrNotFound)

		viewer := work.Scope{Principal: ident.User(tenant, "u-8", "viewer"), Purpose: personal.Sales}
		_, err = l.invoke(t, viewer, "probe__run", nil)
		require.NoError(t, err)
		require.Equal(t, 1, seen)
		require.ErrorIs(t, logged, fault.ErrDenied, "a viewer logs nothing")
		require.Empty(t, l.interactions(t))
	})
}

func note(id ident.ID) plugin.LogInteraction {
	return plugin.LogInteraction{Customer: id, Channel: personal.InPerson, Direction: "internal", Subject: "note"}
}

func TestCommitIsAllOrNothingAndOnce(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		p.run = func(ctx context.Context, h plugin.Host, req plugin.Request) error {
			_, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{req.ID}, Writes: []plugin.Write{
				plugin.Put{Key: "k", Value: []byte("v")}, note(ident.New()),
			}})
			require.ErrorIs(t, err, fault.ErrNotFound)
			_, ok, err := h.Get(ctx, "k")
			require.NoError(t, err)
			require.False(t, ok)

			for i := range 3 {
				done, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{req.ID}, Writes: []plugin.Write{
					plugin.Put{Key: "k", Value: []byte("v")}, note(ada.ID),
				}})
				require.NoError(t, err)
				require.Equal(t, i > 0, done.Again)
			}
			v, ok, err := h.Get(ctx, "k")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, "v", string(v))

			_, err = h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{ident.New()}})
			require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "not_current"})
			return nil
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
		require.Len(t, l.interactions(t), 1)
		require.Equal(t, "u-1", l.interactions(t)[0].CreatedBy)
	})
}

func TestRepeatedCallHasTheSameID(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		var ids []ident.ID
		p.run = func(_ context.Context, _ plugin.Host, req plugin.Request) error {
			ids = append(ids, req.ID)
			return nil
		}
		once := l.sales
		once.Once = "order-7"
		for _, s := range []work.Scope{once, once, l.sales, l.sales} {
			_, err := l.invoke(t, s, "probe__run", nil)
			require.NoError(t, err)
		}
		require.Equal(t, ids[0], ids[1])
		require.NotEqual(t, ids[0], ids[2])
		require.NotEqual(t, ids[2], ids[3])
	})
}

func TestTokensCannotBeWidenedOrKept(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		var kept plugin.Host
		p.run = func(_ context.Context, h plugin.Host, _ plugin.Request) error {
			kept = h
			return nil
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
		bad := &fault.Error{Code: fault.Denied, Reason: "token"}
		_, err = kept.Query(t.Context(), plugin.Query{Entity: "customer"})
		require.ErrorIs(t, err, bad)
		_, err = kept.Commit(t.Context(), plugin.Commit{})
		require.ErrorIs(t, err, bad)
		_, _, err = kept.Get(t.Context(), "k")
		require.ErrorIs(t, err, bad)
		_, err = kept.Claims().Acquire(t.Context(), claim.Request{})
		require.ErrorIs(t, err, bad)
		_, _, err = kept.Claims().Of(t.Context(), claim.Key{})
		require.ErrorIs(t, err, bad)
	})
}

func TestClaimsStayInTheirNamespace(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			holder := ident.Ref{Entity: "customer", ID: ada.ID}
			_, err := h.Claims().Acquire(ctx, claim.Request{
				Keys: []claim.Key{{Namespace: "exh.booth", Key: "1"}}, Holder: holder, For: time.Hour,
			})
			require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "not_granted"})
			c, err := h.Claims().Acquire(ctx, claim.Request{
				Keys: []claim.Key{{Namespace: "probe.seat", Key: "1"}}, Holder: holder, For: time.Hour,
			})
			require.NoError(t, err)
			for i := range 2 {
				_, err = h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.CommitClaim{ID: c.ID}, note(ada.ID)}})
				if i == 0 {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "committed"})
				}
			}
			held, ok, err := h.Claims().Of(ctx, claim.Key{Namespace: "probe.seat", Key: "1"})
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, claim.StateCommitted, held.State)
			_, err = h.Claims().Release(ctx, c.ID)
			return err
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
		require.Len(t, l.interactions(t), 1)
	})
}

func TestEventsAreCutDownAtDelivery(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada, bob := l.create(t, "Ada"), l.create(t, "Bob")
		require.NoError(t, l.customers.Customers(&l.sales).Delete(t.Context(), bob.ID, bob.Version))
		require.NoError(t, l.relay.Drain(t.Context()))
		require.Len(t, p.events, 2)
		for _, e := range p.events {
			require.Subset(t, []string{"name", "lifecycle"}, e.Changed)
			if e.Record.ID == ada.ID {
				require.Equal(t, "Ada Lovelace", e.Data.Text("name").Reveal())
				continue
			}
			require.True(t, e.Data.IsZero(), "deleted before delivery")
		}
		require.Len(t, l.ledger(t, ada.ID), 1)
		require.Empty(t, l.ledger(t, bob.ID))
	})
}

func TestFailedEventsComeAgainInOrder(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		ada := l.create(t, "Ada")
		about := ident.Ref{Entity: "customer", ID: ada.ID}
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error {
			for i := range 5 {
				_, err := h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{
					plugin.Emit{Kind: "probe.said", About: about, Facts: map[string]string{"word": fmt.Sprint(i)}},
				}})
				require.NoError(t, err)
			}
			return nil
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
		var words []string
		fails := 2
		p.on = func(_ context.Context, _ plugin.Host, e plugin.Event) error {
			if e.Facts["word"] == "2" && fails > 0 {
				fails--
				return errors.New("not yet")
			}
			if e.Facts["word"] == "3" {
				return plugin.Reject("no_three")
			}
			if e.Kind == "probe.said" {
				words = append(words, e.Facts["word"])
			}
			return nil
		}
		for range 10 {
			require.NoError(t, l.relay.Drain(t.Context()))
			l.Advance(time.Hour)
		}
		require.Equal(t, []string{"0", "1", "2", "4"}, words)
	})
}

func TestPluginsCallingEachOtherInACircleEnd(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		said, stopped := 0, 0
		say := func(ctx context.Context, h plugin.Host, consumed []ident.ID) error {
			_, err := h.Commit(ctx, plugin.Commit{Consumed: consumed, Writes: []plugin.Write{plugin.Emit{Kind: "probe.said"}}})
			return err
		}
		p.run = func(ctx context.Context, h plugin.Host, _ plugin.Request) error { return say(ctx, h, nil) }
		p.on = func(ctx context.Context, h plugin.Host, e plugin.Event) error {
			require.NotContains(t, e.Facts, "plugin.depth")
			said++
			err := say(ctx, h, []ident.ID{e.ID})
			if errors.Is(err, &fault.Error{Code: fault.LimitExceeded, Reason: "depth"}) {
				stopped++
				return nil
			}
			return err
		}
		_, err := l.invoke(t, l.sales, "probe__run", nil)
		require.NoError(t, err)
		require.NoError(t, l.relay.Drain(t.Context()))
		require.Equal(t, 9, said)
		require.Equal(t, 1, stopped)
	})
}

func TestInvokeChecksItsCaller(t *testing.T) {
	t.Parallel()

	withProbe(t, func(t *testing.T, l *lab, p *probe) {
		p.run = func(context.Context, plugin.Host, plugin.Request) error { return nil }
		_, err := l.invoke(t, l.sales, "probe__other", nil)
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = l.invoke(t, l.sales, "probe__run", map[string]any{"n": "x", "m": 1})
		require.ErrorIs(t, err, fault.ErrInvalid)
		service := l.sales
		service.Purpose = personal.Service
		_, err = l.invoke(t, service, "probe__run", nil)
		require.ErrorIs(t, err, &fault.Error{Code: fault.Denied, Reason: "purpose"})
		_, err = l.invoke(t, work.Scope{}, "probe__run", nil)
		require.ErrorIs(t, err, fault.ErrInvalid)
		err = l.DB.Write(t.Context(), nil, func(ctx context.Context, u work.Unit) error {
			s := l.sales
			s.Unit = u
			_, err := l.boundary.In(&s).Invoke(ctx, "probe__run", nil)
			return err
		})
		require.ErrorIs(t, err, fault.ErrInvalid)
		_, err = l.customers.Customers(&work.Scope{Principal: ident.Plugin(tenant, "com.example.other"), Purpose: personal.Sales}).
			Page(t.Context(), customer.Filter{})
		require.ErrorIs(t, err, fault.ErrDenied)
	})
}
