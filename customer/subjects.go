package customer

import (
	"context"
	"maps"
	"slices"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
)

var (
	_ work.SubjectsAhead = (*Module)(nil)
	_ work.BulkReferee   = (*Module)(nil)
	_ transfer.Finder    = (*Module)(nil)
)

// Resolve implements [work.Subjects]: it returns every id under which the customer's records may be stored, first its own,
// then those of customers merged into it. An id that was merged gives the survivor's.
//
// Errors: Invalid for the scope; NotFound for a customer that is missing or with which the scope may not do a; Denied when
// it may do so with none.
func (m *Module) Resolve(ctx context.Context, scope work.Scope, id ident.ID, a work.Action) ([]ident.ID, error) {
	return m.ResolveLater(ctx, scope, id, a)(ctx)
}

// ResolveLater asks what [Module.Resolve] answers, and returns what waits for it, so that several questions are sent
// together.
func (m *Module) ResolveLater(ctx context.Context, scope work.Scope, id ident.ID, a work.Action) (wait func(ctx context.Context) ([]ident.ID, error)) {
	find := m.rows.Reach(ctx, &scope, id, a)
	return func(ctx context.Context) ([]ident.ID, error) {
		rec, err := find(ctx)
		if err != nil {
			return nil, err
		}
		return m.resolution(ctx, scope, rec)
	}
}

// resolution returns the ids that are one customer, its own first.
func (m *Module) resolution(ctx context.Context, scope work.Scope, rec *Customer) ([]ident.ID, error) {
	if !rec.Merged {
		return []ident.ID{rec.ID}, nil
	}
	return m.store.ResolutionSet(ctx, &work.Call{Scope: scope, Engine: m.engine}, rec.ID)
}

// Refer implements [work.Referee]: it reads one row, without points.
func (m *Module) Refer(ctx context.Context, c *work.Call, id ident.ID) (wait func(ctx context.Context) error) {
	return m.rows.Refer(ctx, c, id)
}

// ReferAll implements [work.BulkReferee].
func (m *Module) ReferAll(ctx context.Context, c *work.Call, ids []ident.ID) ([]ident.ID, error) {
	return m.rows.ReferAll(ctx, c, ids)
}

// Address looks for the normalized address to use for a channel, whatever the scope itself may see of it: that of the
// primary contact point, else of another one that is not invalid. It returns what waits for the answer, which is absent
// without an address. It is for the send gate, which hands it to a transport and to nobody else.
func (m *Module) Address(ctx context.Context, scope work.Scope, id ident.ID, ch personal.Channel) (wait func(ctx context.Context) (personal.Text, error)) {
	c, store := &work.Call{Scope: scope, Engine: m.engine, Action: work.Read}, m.store.Customers()
	find := func(ctx context.Context) (*Customer, error) { return store.Get(ctx, c, id, work.Look) }
	if s, ok := store.(work.Ahead[Customer]); ok {
		find = s.GetLater(ctx, c, id)
	}
	return func(ctx context.Context) (personal.Text, error) {
		rec, err := find(ctx)
		if err != nil {
			return personal.Text{}, err
		}
		p, _ := rec.Point(ch)
		return p.Value, nil
	}
}

// Normalize brings an address into the form of those that Address returns.
//
// Errors: Invalid naming the field "value".
func (m *Module) Normalize(_ context.Context, _ work.Scope, ch personal.Channel, address string) (string, error) {
	return m.points.Normalize(ch, address, "")
}

// FindExt implements [transfer.Finder]: files of other domains name customers by ids in other systems.
func (m *Module) FindExt(ctx context.Context, s *work.Scope, exts []ident.Ext) (map[ident.Ext]ident.ID, error) {
	return work.View(ctx, m.engine, *s, "customer: find", EntityCustomer, func(ctx context.Context, c *work.Call) (map[ident.Ext]ident.ID, error) {
		sound := slices.DeleteFunc(slices.Clone(exts), func(x ident.Ext) bool { return x.Validate() != nil })
		found, err := m.store.ByExts(ctx, c, sound)
		if err != nil || len(found) == 0 {
			return found, err
		}
		list, err := m.rows.ReferAll(ctx, c, slices.Collect(maps.Values(found)))
		if err != nil {
			return nil, err
		}
		seen := map[ident.ID]bool{}
		for _, id := range list {
			seen[id] = true
		}
		maps.DeleteFunc(found, func(_ ident.Ext, id ident.ID) bool { return !seen[id] })
		return found, nil
	})
}
