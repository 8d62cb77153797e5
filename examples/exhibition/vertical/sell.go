package vertical

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
)

const maxName = 40

// hold is how long a booth stays with a buyer whose sale was not finished.
const hold = 15 * time.Minute

var nameForm = regexp.MustCompile(`^[A-Z0-9][A-Z0-9 ._-]*$`)

// sell acquires the booth for the buyer, and commits the claim together with the event of the sale. Repeated by the
// same buyer it finishes what an earlier attempt began and sells once.
//
// Errors: Invalid for a name that is none, NotFound for the buyer, Conflict with reason "taken" for a booth that
// somebody else has.
func sell(ctx context.Context, h plugin.Host, req plugin.Request) (plugin.Reply, error) {
	exhibition, booth, err := names(req.Input)
	if err != nil {
		return plugin.Reply{}, err
	}
	buyer := ident.Ref{Entity: "customer", ID: req.Input.ID("buyer")}
	found, err := h.Query(ctx, plugin.Query{Entity: buyer.Entity, IDs: []ident.ID{buyer.ID}})
	if err != nil {
		return plugin.Reply{}, err
	}
	if len(found.Items) == 0 {
		f := fault.New(fault.NotFound, "no such customer")
		f.Field = "buyer"
		return plugin.Reply{}, f
	}
	buyer = found.Items[0].Ref // an id that was merged away stands for the customer it went into
	c, err := acquire(ctx, h, claim.Key{Namespace: BoothClaim, Key: exhibition + "/" + booth}, buyer)
	if err != nil {
		return plugin.Reply{}, err
	}
	if c.State == claim.StateHeld {
		if err := finish(ctx, h, req.ID, c, buyer, exhibition, booth); err != nil {
			return plugin.Reply{}, err
		}
	}
	return plugin.Reply{Output: plugin.Values{"claim": rule.ID(c.ID), "booth": rule.Text(booth)}}, nil
}

// finish makes the sale: the claim and the event that confirms it, or neither. When another attempt of the same buyer
// was faster, the sale is made.
func finish(ctx context.Context, h plugin.Host, req ident.ID, c claim.Claim, buyer ident.Ref, exhibition, booth string) error {
	_, err := h.Commit(ctx, plugin.Commit{
		Consumed: []ident.ID{req},
		Writes: []plugin.Write{
			plugin.CommitClaim{ID: c.ID},
			plugin.Emit{Kind: BoothSold, About: buyer, Facts: map[string]string{"exhibition": exhibition, "booth": booth}},
		},
	})
	if errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: "committed"}) {
		return nil
	}
	return err
}

// acquire returns a claim of the buyer's on the key: a new one, or the one the buyer has already.
func acquire(ctx context.Context, h plugin.Host, key claim.Key, buyer ident.Ref) (claim.Claim, error) {
	c, err := h.Claims().Acquire(ctx, claim.Request{Keys: []claim.Key{key}, Holder: buyer, For: hold})
	if !errors.Is(err, &fault.Error{Code: fault.Conflict, Reason: "taken"}) {
		return c, err
	}
	if held, ok, ofErr := h.Claims().Of(ctx, key); ofErr == nil && ok && held.Holder == buyer {
		return held, nil
	}
	return claim.Claim{}, err
}

// names brings both names to one spelling, so that "a-12" and "A-12" are one booth.
func names(in plugin.Values) (exhibition, booth string, err error) {
	var v fault.Violations
	one := func(field string) string {
		s := strings.ToUpper(strings.TrimSpace(in.Text(field)))
		if !nameForm.MatchString(s) {
			v.Add(field, "want letters, digits, spaces, dots, hyphens and underscores, such as A-12")
		}
		return s
	}
	exhibition, booth = one("exhibition"), one("booth")
	return exhibition, booth, v.Err()
}
