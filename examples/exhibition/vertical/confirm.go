package vertical

import (
	"context"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/plugin"
)

// confirm puts the sale on the buyer's timeline. The event may come more than once; the line is written once.
func confirm(ctx context.Context, h plugin.Host, e plugin.Event) error {
	if len(e.Refs) == 0 {
		return plugin.Reject("no_buyer")
	}
	buyer := e.Refs[0]
	_, err := h.Commit(ctx, plugin.Commit{
		Consumed: []ident.ID{e.ID},
		Writes: []plugin.Write{plugin.LogInteraction{
			Customer: buyer.ID, Channel: personal.InPerson, Direction: "internal", At: e.At,
			Subject: "booth " + e.Facts["booth"] + " confirmed",
			Body:    "Booth " + e.Facts["booth"] + " at " + e.Facts["exhibition"] + " was sold to this customer.",
		}},
	})
	return err
}
