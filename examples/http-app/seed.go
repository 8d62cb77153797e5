package main

import (
	"context"
	"fmt"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// sample names what seed has made.
type sample struct{ customer, opportunity ident.ID }

// seed fills the empty CRM with a pipeline, a customer and some opportunities, one of them not ready for a proposal.
func (s *server) seed(ctx context.Context) (out sample, err error) {
	_, err = s.crm.As(ident.System("shop", "setup"), privacy.Operations).Pipelines.Define(ctx, pipeline.Definition{
		Key: "sales", Stages: []pipeline.Stage{
			{Key: "talking", Probability: 2000},
			{Key: "proposal", Probability: 5000, Entry: []pipeline.Gate{
				{ID: "worth-it", Expr: `amount >= money("1000.00 EUR") && close_date != null`},
			}},
			{Key: "won", Category: pipeline.Won, Probability: pipeline.Full},
			{Key: "lost", Category: pipeline.Lost},
		},
	})
	if err != nil {
		return out, err
	}
	sam := s.crm.As(users["sam"], privacy.Sales)
	ada, err := sam.Customers.Create(ctx, customer.PersonDraft{
		Given: "Ada", Family: "Lovelace", Country: "GB",
		Points: []customer.PointDraft{{Channel: privacy.ByEmail, Value: "ada@analytical.example"}, {Channel: privacy.ByPhone, Value: "020 7946 0018"}},
	})
	if err != nil {
		return out, err
	}
	out.customer = ada.ID
	for i := range 7 {
		amount, err := money.New(int64(i)*45_000+50_000, "EUR")
		if err != nil {
			return out, err
		}
		o, err := sam.Opportunities.Create(ctx, pipeline.OpportunityDraft{
			Customer: ada.ID, Pipeline: "sales", Name: fmt.Sprintf("Engine no. %d", i+1), Amount: amount,
		})
		if err != nil {
			return out, err
		}
		if i == 0 {
			out.opportunity = o.ID
		}
	}
	return out, nil
}
