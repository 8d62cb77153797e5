package pipeline

import (
	"context"

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
func (l Leads) Convert(ctx context.Context, id ident.ID, opt ConvertOptions) (Conversion, error) {
	const op = "lead: convert"
	if opt.Draft != nil && !opt.Opportunity.IsZero() {
		return Conversion{}, fault.At(op, fault.Field("opportunity", "name an opportunity or give a draft, not both"))
	}
	var out Conversion
	if err := l.scope.Validate(); err != nil {
		return out, fault.At(op, err)
	}
	err := l.m.cfg.Engine.Units.Write(ctx, l.scope.Unit, func(ctx context.Context, u work.Unit) (err error) {
		in := l
		in.scope = l.scope.On(u)
		if out.Lead, err = in.convert(ctx, id, opt); err != nil || out.Lead.Opportunity.IsZero() {
			return err
		}
		out.Opportunity, err = in.opportunities(u).Get(ctx, out.Lead.Opportunity)
		return err
	})
	if err != nil {
		return Conversion{}, fault.At(op, err)
	}
	return out, nil
}

// opportunities is the other façade on the same transaction. The idempotency key stays with the lead.
func (l Leads) opportunities(u work.Unit) Opportunities {
	scope := l.scope.On(u)
	scope.Once = ""
	return Opportunities{l.m, *scope}
}

func (l Leads) convert(ctx context.Context, id ident.ID, opt ConvertOptions) (Lead, error) {
	return l.m.leads.Change(ctx, l.scope, work.Verb[Lead]{
		Name: "convert", Event: LeadConverted, ID: id, Args: opt,
		Apply: func(ctx context.Context, c *work.Call, rec *Lead) error {
			from := rec.State
			to, err := rec.next(verbConvert)
			if err != nil || to == from {
				return err
			}
			if err := l.owner(ctx, c, rec, opt); err != nil {
				return err
			}
			if rec.Opportunity, err = l.target(ctx, c, rec, opt); err != nil {
				return err
			}
			l.m.enterLead(c, rec, to, "")
			rec.ConvertedAt = c.Now
			c.Fact("from", string(from))
			c.Refer(ident.Ref{Entity: "customer", ID: rec.Customer})
			if !rec.Opportunity.IsZero() {
				c.Refer(ident.Ref{Entity: EntityOpportunity, ID: rec.Opportunity})
			}
			c.LineAt(c.Now)
			return nil
		},
	})
}

// owner settles whose lead it is. Whoever else is named must be the same customer.
func (l Leads) owner(ctx context.Context, c *work.Call, rec *Lead, opt ConvertOptions) error {
	named := []ident.ID{opt.Customer}
	if opt.Draft != nil {
		named = append(named, opt.Draft.Customer)
	}
	for _, id := range named {
		switch {
		case id.IsZero():
		case !rec.Customer.IsZero():
			if err := l.same(ctx, c, rec.Customer, id); err != nil {
				return err
			}
		default:
			rec.Customer = id // the write asks for it
		}
	}
	if rec.Customer.IsZero() {
		return fault.Field("customer", "the lead is anonymous: say whose it is")
	}
	return nil
}

// same checks that two ids name one customer, merged ones included.
func (l Leads) same(ctx context.Context, c *work.Call, a, b ident.ID) error {
	if a == b {
		return nil
	}
	ids, err := l.m.cfg.Customers.Resolve(ctx, c.Scope, a)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == b {
			return nil
		}
	}
	return fault.Field("customer", "is another customer than the lead's")
}

// target returns the opportunity to attach, creating it from the draft where there is one.
func (l Leads) target(ctx context.Context, c *work.Call, rec *Lead, opt ConvertOptions) (ident.ID, error) {
	opps := l.opportunities(c.Unit)
	switch {
	case opt.Draft != nil:
		d := *opt.Draft
		if d.Customer.IsZero() {
			d.Customer = rec.Customer
		}
		o, err := opps.Create(ctx, d)
		return o.ID, err
	case !opt.Opportunity.IsZero():
		o, err := opps.Get(ctx, opt.Opportunity)
		if err != nil {
			return o.ID, err
		}
		return o.ID, l.same(ctx, c, rec.Customer, o.Customer)
	}
	return ident.ID{}, nil
}
