package faults_test

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
)

// kindSteps read the records of every kind as those who range over kinds do.
func kindSteps() []step {
	return []step{{name: "read every kind", run: func(ctx context.Context, p *play) error {
		for _, k := range p.Kinds() {
			var whose ident.ID
			if k.WithSubject { // listed for one customer at a time
				whose = p.id("ada")
			}
			if err := p.readKind(ctx, k.Name(), whose); err != nil {
				return err
			}
		}
		return nil
	}}}
}

func (p *play) readKind(ctx context.Context, name string, whose ident.ID) error {
	records, err := p.s.Records(name)
	if err != nil {
		return err
	}
	list, err := records.PageOf(ctx, whose, page.Query{Limit: 2})
	if err != nil || len(list.Items) == 0 {
		return err
	}
	var ids []ident.ID
	for _, rec := range list.Items {
		ids = append(ids, rec.Base().ID)
	}
	_, err = records.Get(ctx, ids[0])
	return errors.Join(err, second(records.GetMany(ctx, ids...)), second(records.History(ctx, ids[0])))
}
