package crm

import (
	"context"
	"maps"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer/activity"
	"github.com/rapport-crm/rapport/internal/boundary"
	"github.com/rapport-crm/rapport/internal/store/pluginstore"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/privacy"
)

// buildBoundary gives the extensions their one door. Whatever they read comes out of the domains' own read path.
func (c *CRM) buildBoundary() (*boundary.Boundary, error) {
	cfg := boundary.Config{
		Extensions: c.cfg.Extensions, Engine: c.engine, Store: pluginstore.New(c.db), Sources: c.readable(),
		LogInteraction: c.logInteraction, Derive: c.keys.Derive, Logger: c.cfg.Logger,
		Claims: func(s work.Scope) claim.Claims { return c.claims.In(&s) },
	}
	if c.cfg.has(ModulePrivacy) {
		cfg.Consented = c.consented
	}
	return boundary.New(cfg)
}

// readable are the kinds of records that plugins may ask for: those of the business, not those by which the CRM governs it.
func (c *CRM) readable() map[string]work.Source {
	out := maps.Clone(c.sources)
	maps.DeleteFunc(out, func(_ string, s work.Source) bool {
		m := Module(s.Kind().Module)
		return m == ModuleFoundation || m == ModulePrivacy
	})
	return out
}

func (c *CRM) logInteraction(ctx context.Context, s work.Scope, w plugin.LogInteraction) (ident.ID, error) {
	rec, err := c.talks.Interactions(&s).Log(ctx, activity.InteractionDraft{
		Channel: w.Channel, Direction: activity.Direction(w.Direction), At: w.At, Subject: w.Subject, Body: w.Body,
		Participants: []activity.Participant{{Customer: w.Customer, Role: "participant"}},
	})
	return rec.ID, err
}

// consented reports whether somebody's yes to a purpose stands, by at least one channel. The CRM asks for itself: whoever
// reads a customer's record need not be allowed to read what the customer agreed to.
func (c *CRM) consented(ctx context.Context, s work.Scope, id ident.ID, why personal.Purpose) (bool, error) {
	said := c.office.Consents(new(background(nil, s.Principal.Tenant, "plugins", why)))
	given := page.Query{Where: page.Where{Expr: "purpose == why && state == given", Args: map[string]any{"why": string(why), "given": string(privacy.Given)}}}
	for yes, err := range said.All(ctx, id, given) {
		if err != nil {
			return false, err
		}
		channels := []personal.Channel{yes.Channel}
		if yes.Channel == privacy.ByAnything {
			channels = personal.Channels()
		}
		for _, ch := range channels {
			st, err := said.At(ctx, id, why, ch, time.Time{})
			if err != nil {
				return false, err
			}
			if st.State == privacy.Given && st.Basis == privacy.OnConsent {
				return true, nil
			}
		}
	}
	return false, nil
}
