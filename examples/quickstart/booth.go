package main

import (
	"context"
	"log/slog"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/plugin"
)

func servedPlugin() bool { return false }

type exhibition struct{}

func openExhibition(*slog.Logger) (*exhibition, error) { return &exhibition{}, nil }
func (e *exhibition) extensions() []plugin.Extension   { return nil }
func (e *exhibition) show(ctx context.Context, c *crm.CRM, me ident.Principal, buyers [2]customer.Customer, tell *story) (booth, process, error) {
	return booth{}, process{}, nil
}
