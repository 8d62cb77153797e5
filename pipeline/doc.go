// Package pipeline has the sales side of the CRM: versioned pipelines with gates, leads and opportunities.
//
//	p, err := s.Pipelines.Define(ctx, pipeline.Definition{Key: "hardware", Stages: stages}) // version n+1, gates checked
//	l, err := s.Leads.Create(ctx, pipeline.LeadDraft{Customer: ada.ID, Origin: "web"})
//	r, err := s.Leads.Convert(ctx, l.ID, pipeline.ConvertOptions{Draft: &pipeline.OpportunityDraft{Name: "50 seats"}})
//	o, err := s.Opportunities.Move(ctx, r.Opportunity.ID, "proposal")
//	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Gate {
//		fmt.Println(f.Clauses[0].Field, f.Clauses[0].Need) // "amount", "a value"
//	}
//
// A pipeline is data: ordered stages, each with a category, a probability and entry gates in CEL. Its versions never
// change; an opportunity keeps the version it was created under until [Opportunities.SwitchVersion].
//
// A lead is a qualification record that points at a customer, who may still be provisional. Converting it never copies
// who the customer is.
//
// Start with [Opportunities].
package pipeline
