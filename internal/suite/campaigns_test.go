package suite_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
)

func plan(name string) campaign.Draft {
	return campaign.Draft{
		Name: name, Budget: money.MustParse("9000 EUR"), Begins: date.MustParse("2026-03-01"), Ends: date.MustParse("2026-04-30"),
	}
}

func (w *world) campaign() campaign.Campaign {
	return must[campaign.Campaign](w)(w.campaigns.As(w.s.Scope()).Create(w.Context(), plan(w.next())))
}

// planned is a method that is called with a campaign, after verbs of others.
func planned(name string, is nature, do func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error),
	before ...func(ctx context.Context, cs campaign.Campaigns, id ident.ID) error,
) verb {
	return verb{name: name, is: is, arrange: func(w *world) call {
		c := w.campaign()
		for _, prepare := range before {
			must[any](w)(only(prepare(w.Context(), w.campaigns.As(w.s.Scope()), c.ID)))
		}
		return func(ctx context.Context, s *crm.Session) (any, error) { return do(ctx, w.campaigns.As(s.Scope()), &c) }
	}}
}

var campaignVerbs = []verb{
	planned("Campaigns.Create", writes, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return on(cs.Create(ctx, plan("after "+c.Name)))
	}),
	planned("Campaigns.Load", batches, func(ctx context.Context, cs campaign.Campaigns, _ *campaign.Campaign) (any, error) {
		return on(cs.Load(ctx, rowsOf(plan("Spring"), plan("Autumn")), nil))
	}),
	planned("Campaigns.Get", reads, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return on(cs.Get(ctx, c.ID))
	}),
	planned("Campaigns.Page", reads, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return on(cs.Page(ctx, campaign.Filter{RunsOn: date.MustParse("2026-03-29"), Query: page.Query{Sort: "-begins", Search: c.Name}}))
	}),
	planned("Campaigns.History", reads, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return on(cs.History(ctx, c.ID))
	}),
	planned("Campaigns.Update", writes, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return on(cs.Update(ctx, c.ID, c.Version, campaign.Update{Ends: new(date.MustParse("2026-05-31"))}))
	}),
	planned("Campaigns.Delete", writes, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return only(cs.Delete(ctx, c.ID, c.Version))
	}),
	planned("Campaigns.Restore", writes, func(ctx context.Context, cs campaign.Campaigns, c *campaign.Campaign) (any, error) {
		return on(cs.Restore(ctx, c.ID))
	}, func(ctx context.Context, cs campaign.Campaigns, id ident.ID) error {
		return cs.Delete(ctx, id, schema.AnyVersion)
	}),
}

// Files fill campaigns, custom fields too: each row is a record or a fault with its column.
func TestCampaignsAreImported(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		must[schema.Field](w)(w.s.Schema.Define(t.Context(), schema.Definition{Entity: "campaign", Key: "region", Type: rule.TypeText, Class: personal.None}))
		target := w.campaigns.As(w.s.Scope()).Import()
		file := "name,budget,begins,custom.region\nSpring,9000,2026-03-01,emea\nAutumn,9000,2026-09-31,apac\n"
		rep, err := transfer.Import(t.Context(), target, strings.NewReader(file), transfer.Mapping{Entity: "campaign", System: "plans", ByHeader: true, WithoutIDs: true, Currency: "EUR"}, nil)
		require.NoError(t, err)
		require.Equal(t, 1, rep.Created)
		require.Len(t, rep.Faults, 1)
		require.Contains(t, rep.Faults[0].String(), "line 3, begins")
		p := must[page.Page[campaign.Campaign]](w)(w.campaigns.As(w.s.Scope()).Page(t.Context(), campaign.Filter{Query: page.Query{
			Where: page.Where{Expr: `custom.region == "emea"`},
		}}))
		require.Len(t, p.Items, 1)
		require.Equal(t, "Spring", p.Items[0].Name)
	})
}
