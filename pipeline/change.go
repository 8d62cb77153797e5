package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
)

// begin makes a new record of a draft and puts it into its first stage.
func (s *Module) begin(ctx context.Context, c *work.Call, rec *Opportunity, d OpportunityDraft, past *past, m *memo) (*Transition, error) {
	if err := s.fill(ctx, c, rec, d, m); err != nil {
		return nil, err
	}
	def, err := m.pinned(ctx, c, s, d.Pipeline, 0)
	if err != nil {
		return nil, err
	}
	rec.Pipeline, rec.PipelineVersion = def.Key, def.Version
	st := def.Stages[0]
	if d.Stage != "" {
		if st, err = def.need(d.Stage); err != nil {
			return nil, err
		}
	}
	move, err := s.enter(ctx, c, rec, st, past, m)
	if err != nil {
		return nil, err
	}
	c.Fact("stage", st.Key)
	c.Fact("pipeline", def.Key)
	c.Line(rec.Customer, move.opened(rec))
	return move, nil
}

// fill copies a draft into a new record, except for its stage.
func (s *Module) fill(ctx context.Context, c *work.Call, rec *Opportunity, d OpportunityDraft, m *memo) error {
	if err := d.validate(); err != nil {
		return err
	}
	if err := m.customer(ctx, c, s, d.Customer); err != nil {
		return err
	}
	rec.Customer, rec.Ext = d.Customer, d.Ext
	rec.Name = personal.NewText(personal.Name, d.Name)
	rec.Amount, rec.CloseDate, rec.Product, rec.OpenedOn = d.Amount, d.CloseDate, d.Product, d.OpenedOn
	rec.Override = clonePtr(d.Override)
	if d.OwnerUser != "" {
		rec.OwnerUser = d.OwnerUser
	}
	if d.OwnerTeam != "" {
		rec.OwnerTeam = d.OwnerTeam
	}
	return schema.Apply(c.Entity, &rec.Custom, d.Custom)
}

func (d OpportunityDraft) validate() error {
	var v fault.Violations
	if d.Customer.IsZero() {
		v.Add("customer", "must not be blank: an opportunity belongs to a customer")
	}
	v.AddAll("", checkExt(d.Ext, false))
	validateFields(&v, d.Name, d.Product, d.Amount, d.Override)
	return v.Err()
}

func validateFields(v *fault.Violations, name, product string, amount money.Amount, override *int64) {
	v.AddAll("", schema.CheckText("name", name, 200))
	v.AddAll("", schema.CheckText("product", product, 200))
	if !amount.IsZero() {
		if err := amount.Validate(); err != nil {
			v.AddAll("amount", err)
		}
	}
	if override != nil && (*override < 0 || *override > Full) {
		v.Add("probability_override", "want 0 to %d basis points, have %d", Full, *override)
	}
}

// checkExt checks the form of an external id; a zero one is good unless it is required.
func checkExt(ext ident.Ext, required bool) error {
	if ext.IsZero() && !required {
		return nil
	}
	if m := ident.HostID(ext.System); m != "" {
		return fault.Field("ext.system", "%s", m)
	}
	if ext.ID == "" || len(ext.ID) > 200 {
		return fault.Field("ext.id", "want 1 to 200 bytes, have %d", len(ext.ID))
	}
	return schema.CheckText("ext.id", ext.ID, 200)
}

// update is what an upsert's draft changes: its non-zero fields.
func (d OpportunityDraft) update() OpportunityUpdate {
	up := OpportunityUpdate{Custom: d.Custom, Override: d.Override}
	set := func(dst **string, s string) {
		if s != "" {
			*dst = &s
		}
	}
	set(&up.Name, d.Name)
	set(&up.Product, d.Product)
	set(&up.OwnerUser, d.OwnerUser)
	set(&up.OwnerTeam, d.OwnerTeam)
	if !d.Amount.IsZero() {
		up.Amount = &d.Amount
	}
	if !d.CloseDate.IsZero() {
		up.CloseDate = &d.CloseDate
	}
	if !d.OpenedOn.IsZero() {
		up.OpenedOn = &d.OpenedOn
	}
	return up
}

// apply checks and applies an update. Imported history may correct what a closing has fixed.
func (up OpportunityUpdate) apply(c *work.Call, rec *Opportunity, history bool) error {
	if err := c.CheckSets(up.sets()...); err != nil {
		return err
	}
	var v fault.Violations
	validateFields(&v, deref(up.Name), deref(up.Product), deref(up.Amount), up.Override)
	if up.LostReason != nil && *up.LostReason != "" && !word.MatchString(*up.LostReason) {
		v.Add("lost_reason", "%s: it is a key, so that reports can count it", wordForm)
	}
	if err := up.frozen(rec); err != nil && !history {
		return err
	}
	for i, name := range up.Clear {
		if !clearField(rec, name) {
			v.Add(fmt.Sprintf("clear[%d]", i), "cannot be cleared: want name, amount, close_date, product, probability_override or opened_on")
		}
	}
	if err := v.Err(); err != nil {
		return err
	}
	if up.Name != nil {
		rec.Name = personal.NewText(personal.Name, *up.Name)
	}
	put(&rec.Amount, up.Amount)
	put(&rec.CloseDate, up.CloseDate)
	put(&rec.Product, up.Product)
	put(&rec.LostReason, up.LostReason)
	put(&rec.OpenedOn, up.OpenedOn)
	put(&rec.OwnerUser, up.OwnerUser)
	put(&rec.OwnerTeam, up.OwnerTeam)
	if up.Override != nil {
		rec.Override = clonePtr(up.Override)
	}
	rec.weigh()
	return schema.Apply(c.Entity, &rec.Custom, up.Custom)
}

// sets names the fields that the update is about.
func (up OpportunityUpdate) sets() []string {
	out := slices.Concat(up.Clear, schema.Names(up.Custom))
	for name, set := range map[string]bool{
		"name": up.Name != nil, "amount": up.Amount != nil, "close_date": up.CloseDate != nil, "product": up.Product != nil,
		"probability_override": up.Override != nil, "lost_reason": up.LostReason != nil, "opened_on": up.OpenedOn != nil,
		"owner_user": up.OwnerUser != nil, "owner_team": up.OwnerTeam != nil,
	} {
		if set {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// frozen refuses changes to what the closing has fixed.
func (up OpportunityUpdate) frozen(rec *Opportunity) error {
	if !rec.Category.Closed() {
		return nil
	}
	clears := map[string]bool{}
	for _, name := range up.Clear {
		clears[name] = true
	}
	switch {
	case up.Amount != nil && *up.Amount != rec.Amount || clears["amount"] && !rec.Amount.IsZero():
		return closedField(rec, "amount")
	case up.Override != nil && (rec.Override == nil || *up.Override != *rec.Override) || clears["probability_override"] && rec.Override != nil:
		return closedField(rec, "probability_override")
	}
	return nil
}

func closedField(rec *Opportunity, field string) error {
	err := refused(rec.Version, "the opportunity is %s, which fixed this field: Reopen it first", rec.Category)
	f, _ := err.(*fault.Error) //nolint:errorlint // made one line above
	f.Field = field
	return f
}

func clearField(rec *Opportunity, name string) bool {
	switch name {
	case "name":
		rec.Name = personal.Text{}
	case "amount":
		rec.Amount = money.Amount{}
	case "close_date":
		rec.CloseDate = date.Date{}
	case "product":
		rec.Product = ""
	case "probability_override":
		rec.Override = nil
	case "opened_on":
		rec.OpenedOn = date.Date{}
	default:
		return false
	}
	return true
}

// weigh sets the probability that counts.
func (rec *Opportunity) weigh() {
	rec.Probability = rec.StageProbability
	if rec.Override != nil && !rec.Category.Closed() {
		rec.Probability = *rec.Override
	}
}

func put[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func clonePtr[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}
