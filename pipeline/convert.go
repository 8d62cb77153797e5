package pipeline

import (
	"cmp"
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/work"
)

// ConvertOptions says what a lead becomes. Its zero value converts the lead without an opportunity.
type ConvertOptions struct {
	// Opportunity attaches the lead to an opportunity of the same customer.
	Opportunity ident.ID
	// Draft creates an opportunity. Its Customer defaults to the lead's, and must be that one.
	Draft *OpportunityDraft
	// Customer gives an anonymous lead its customer. It must be the lead's own when there is one.
	Customer ident.ID
}

// Conversion is what became of a lead.
type Conversion struct {
	Lead        Lead        `json:"lead"`                 // the converted lead
	Opportunity Opportunity `json:"opportunity,omitzero"` // zero when the lead was converted without one
}

// Convert turns a lead into an opportunity of its customer, in one transaction. It copies nothing about who the
// customer is. Converting a converted lead changes nothing and returns what became of it, whatever the options say.
//
// Errors: Invalid for options that exclude each other, or an anonymous lead; Gate when the opportunity's stage refuses;
// Conflict with reason "state" for a disqualified lead; NotFound; Denied, also without the right to create, or
// to see, the opportunity.
func (l Leads) Convert(ctx context.Context, id ident.ID, opt ConvertOptions) (out Conversion, err error) {
	if opt.Draft != nil && !opt.Opportunity.IsZero() {
		return out, fault.At("lead: convert", fault.Field("opportunity", "name an opportunity or give a draft, not both"))
	}
	out.Lead, err = l.m.leads.Change(ctx, l.scope, work.Verb[Lead]{
		Name: "convert", Event: LeadConverted, ID: id, Args: opt, Sets: []string{"state"},
		Apply: func(ctx context.Context, c *work.Call, rec *Lead) error {
			out.Opportunity = Opportunity{} // the transaction may run again
			from := rec.State
			to, err := rec.next(verbConvert)
			if err != nil || to == from {
				return err
			}
			if out.Opportunity, err = l.convert(ctx, c, rec, opt); err != nil {
				return err
			}
			l.m.enterLead(c, rec, to, "")
			rec.Opportunity, rec.ConvertedAt = out.Opportunity.ID, c.Now
			c.Fact("from", string(from))
			c.Refer(ident.Ref{Entity: "customer", ID: rec.Customer})
			if !rec.Opportunity.IsZero() {
				c.Refer(ident.Ref{Entity: EntityOpportunity, ID: rec.Opportunity})
			}
			c.LineAt(c.Now)
			return nil
		},
	})
	if err == nil && out.Opportunity.ID.IsZero() && !out.Lead.Opportunity.IsZero() { // it was converted before
		out.Opportunity, err = l.m.Opportunities(l.scope).Get(ctx, out.Lead.Opportunity)
	}
	if err != nil {
		return Conversion{}, fault.At("lead: convert", err)
	}
	return out, nil
}

// convert settles whose lead it is, and returns the opportunity to attach: a new one for a draft, the zero one for none.
func (l Leads) convert(ctx context.Context, c *work.Call, rec *Lead, opt ConvertOptions) (o Opportunity, err error) {
	var d OpportunityDraft
	if opt.Draft != nil {
		d = *opt.Draft
	}
	rec.Customer = cmp.Or(rec.Customer, opt.Customer, d.Customer) // the write asks for one that is new
	if rec.Customer.IsZero() {
		return o, fault.Field("customer", "the lead is anonymous: say whose it is")
	}
	for _, named := range []ident.ID{opt.Customer, d.Customer} {
		if err := l.same(ctx, c, rec.Customer, named); err != nil {
			return o, err
		}
	}
	switch {
	case opt.Draft != nil:
		d.Customer = cmp.Or(d.Customer, rec.Customer)
		return l.m.opportunities.CreateIn(ctx, c, l.m.newOpportunity(&d, &intake{}))
	case opt.Opportunity.IsZero():
		return o, nil
	}
	if o, err = l.m.Opportunities(&c.Scope).Get(ctx, opt.Opportunity); err != nil {
		return o, err
	}
	return o, l.same(ctx, c, rec.Customer, o.Customer)
}

// same checks that an id names a customer, or one merged into it; zero names nobody.
func (l Leads) same(ctx context.Context, c *work.Call, customer, id ident.ID) error {
	if id.IsZero() || id == customer {
		return nil
	}
	ids, err := l.m.engine.Subjects.Resolve(ctx, c.Scope, customer, work.Read)
	if err == nil && !slices.Contains(ids, id) {
		err = fault.Field("customer", "is another customer than the lead's")
	}
	return err
}
