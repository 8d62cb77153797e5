package servicestore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/service"
)

type caseRow struct {
	store.MetaRow

	CustomerID              store.ID   `bun:"customer_id"`
	Type                    string     `bun:"type"`
	Priority                string     `bun:"priority"`
	Subject                 []byte     `bun:"subject"`
	Body                    []byte     `bun:"body"`
	State                   string     `bun:"state"`
	StateSince              store.Time `bun:"state_since"`
	Escalation              int64      `bun:"escalation"`
	Reopens                 int64      `bun:"reopens"`
	ClosedAt                store.Time `bun:"closed_at"`
	SLAPolicy               string     `bun:"sla_policy"`
	FirstResponseDue        store.Time `bun:"first_response_due"`
	FirstRespondedAt        store.Time `bun:"first_responded_at"`
	FirstResponseWarnedAt   store.Time `bun:"first_response_warned_at"`
	FirstResponseBreachedAt store.Time `bun:"first_response_breached_at"`
	ResolutionDue           store.Time `bun:"resolution_due"`
	ResolvedAt              store.Time `bun:"resolved_at"`
	ResolutionWarnedAt      store.Time `bun:"resolution_warned_at"`
	ResolutionBreachedAt    store.Time `bun:"resolution_breached_at"`
	PausedAt                store.Time `bun:"paused_at"`
	FirstResponseTarget     int64      `bun:"first_response_target"`
	ResolutionTarget        int64      `bun:"resolution_target"`
	Custom                  store.JSON `bun:"custom"`
	Wrapped                 []byte     `bun:"wrapped"` // key of the customer, nil when it is gone
}

var (
	textFields = []string{"subject", "body"}
	caseFields = append(store.MetaColumns(), "customer_id", "type", "priority", "state", "state_since", "escalation", "reopens",
		"closed_at", "sla_policy", "first_response_due", "first_responded_at", "first_response_warned_at",
		"first_response_breached_at", "resolution_due", "resolved_at", "resolution_warned_at", "resolution_breached_at",
		"paused_at", "first_response_target", "resolution_target", "custom")
	caseSelect = store.Qualified("s", store.BirthColumns()[1:], caseFields, textFields) + ", k.wrapped"
	caseFrom   = "crm_case s LEFT JOIN crm_subject_key k ON k.tenant_id = s.tenant_id AND k.subject_id = s.customer_id"

	oneCase    = "SELECT " + caseSelect + " FROM " + caseFrom + " WHERE s.tenant_id = $1 AND s.id = $2"
	getCase    = store.Same("service.get_case", oneCase)
	lockCase   = store.Split("service.lock_case", oneCase+" FOR UPDATE OF s", oneCase)
	insertCase = store.Same("service.insert_case",
		store.InsertText("crm_case", store.BirthColumns(), caseFields, textFields))
	updateCase  = store.Same("service.update_case", store.UpdateText("crm_case", "", caseFields))
	updateTexts = store.Same("service.update_case_texts", store.UpdateText("crm_case", "", textFields))
)

// caseTable is how rules and lists reach the fields. Subject and body are sealed, so nothing finds them.
var caseTable = func() map[string]rule.Column {
	out := store.MetaFields("s")
	for name, t := range map[string]rule.Type{
		"type": rule.TypeText, "priority": rule.TypeText, "state": rule.TypeText, "state_since": rule.TypeTime,
		"escalation": rule.TypeInt, "reopens": rule.TypeInt, "closed_at": rule.TypeTime, "sla_policy": rule.TypeText,
		"first_response_due": rule.TypeTime, "first_responded_at": rule.TypeTime,
		"first_response_warned_at": rule.TypeTime, "first_response_breached_at": rule.TypeTime,
		"resolution_due": rule.TypeTime, "resolved_at": rule.TypeTime, "resolution_warned_at": rule.TypeTime,
		"resolution_breached_at": rule.TypeTime, "paused_at": rule.TypeTime,
	} {
		out[name] = store.Field("s."+name, t)
	}
	out["customer"] = store.Field("s.customer_id", rule.TypeID)
	return out
}()

func (s *Store) toCase(c *work.Call, r *caseRow) (*service.Case, error) {
	values, err := c.Entity.Decode(r.Custom)
	if err != nil {
		return nil, err
	}
	open := s.keys.Openers(c.Tenant(), r.Wrapped, ident.ID(r.CustomerID))
	id := ident.ID(r.ID)
	return &service.Case{
		Meta: r.Meta(), Customer: ident.ID(r.CustomerID), Type: service.Type(r.Type), Priority: service.Priority(r.Priority),
		Subject: unseal(open, subjectOf(id), r.Subject), Body: unseal(open, bodyOf(id), r.Body),
		State: service.State(r.State), StateSince: time.Time(r.StateSince), Escalation: r.Escalation, Reopens: r.Reopens,
		ClosedAt: time.Time(r.ClosedAt), Custom: values,
		Clocks: service.Clocks{
			Policy: r.SLAPolicy, FirstResponseDue: time.Time(r.FirstResponseDue), FirstRespondedAt: time.Time(r.FirstRespondedAt),
			FirstResponseWarnedAt: time.Time(r.FirstResponseWarnedAt), FirstResponseBreachedAt: time.Time(r.FirstResponseBreachedAt),
			ResolutionDue: time.Time(r.ResolutionDue), ResolvedAt: time.Time(r.ResolvedAt),
			ResolutionWarnedAt: time.Time(r.ResolutionWarnedAt), ResolutionBreachedAt: time.Time(r.ResolutionBreachedAt),
			PausedAt:            time.Time(r.PausedAt),
			FirstResponseTarget: time.Duration(r.FirstResponseTarget) * time.Microsecond,
			ResolutionTarget:    time.Duration(r.ResolutionTarget) * time.Microsecond,
		},
	}, nil
}

// caseValues are the values of caseFields.
func caseValues(cs *service.Case) []any {
	return append(store.MetaValues(&cs.Meta),
		cs.Customer, cs.Type, cs.Priority, cs.State, cs.StateSince, cs.Escalation, cs.Reopens, cs.ClosedAt, cs.Policy,
		cs.FirstResponseDue, cs.FirstRespondedAt, cs.FirstResponseWarnedAt, cs.FirstResponseBreachedAt, cs.ResolutionDue,
		cs.ResolvedAt, cs.ResolutionWarnedAt, cs.ResolutionBreachedAt, cs.PausedAt,
		cs.FirstResponseTarget.Microseconds(), cs.ResolutionTarget.Microseconds(), encoded(cs.Custom))
}

// Case implements [service.Store].
func (s *Store) Case(ctx context.Context, c *work.Call, id ident.ID, lock bool) (*service.Case, error) {
	if err := s.warm(ctx, c); err != nil {
		return nil, err
	}
	q := getCase
	if lock {
		q = lockCase
	}
	var r caseRow
	if err := s.on(c).Get(ctx, q, &r, c.Tenant(), id); err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			err = fault.New(fault.NotFound, "no such case")
		}
		return nil, err
	}
	return s.toCase(c, &r)
}

// SaveCase implements [service.Store].
func (s *Store) SaveCase(ctx context.Context, c *work.Call, before, after *service.Case, log []service.Entry) error {
	old, insert := before, before == nil
	if insert {
		old = &service.Case{}
	}
	rewrite := insert || !old.Subject.Equal(after.Subject) || !old.Body.Equal(after.Body)
	sealed := &sealer{store: s, call: c, customer: after.Customer}
	var texts []any
	if rewrite {
		subject := sealed.text(ctx, subjectOf(after.ID), after.Subject)
		texts = []any{subject, sealed.text(ctx, bodyOf(after.ID), after.Body)}
	}
	if sealed.err != nil {
		return sealed.err
	}
	if err := s.saveRow(ctx, c, before, after, texts); err != nil {
		return err
	}
	if err := s.on(c).IndexCustom(ctx, c.Tenant(), c.Entity, after.ID, old.Custom, after.Custom); err != nil {
		return err
	}
	return s.append(ctx, c, sealed, log)
}

func (s *Store) saveRow(ctx context.Context, c *work.Call, before, after *service.Case, texts []any) error {
	conn, values := s.on(c), caseValues(after)
	if before == nil {
		args := append(store.BirthValues(c.Tenant(), &after.Meta), values...)
		_, err := conn.Exec(ctx, insertCase, append(args, texts...)...)
		return taken(err)
	}
	n, err := conn.Exec(ctx, updateCase, append([]any{c.Tenant(), after.ID, before.Version}, values...)...)
	if err := saved(n, err, before.Version); err != nil || texts == nil {
		return err
	}
	n, err = conn.Exec(ctx, updateTexts, append([]any{c.Tenant(), after.ID, after.Version}, texts...)...)
	return saved(n, err, after.Version)
}

// ListCases implements [service.Store].
func (s *Store) ListCases(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[service.Case], error) {
	if err := s.warm(ctx, c); err != nil {
		return nil, err
	}
	var list []caseRow
	err := s.on(c).SelectList(ctx, store.ListSpec{
		Name: "service.list_cases", Tenant: c.Tenant(), Select: caseSelect, From: caseFrom, Alias: "s",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: caseTable, Custom: "s.custom", Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at", "state_since", "escalation", "first_response_due", "resolution_due"},
		Listing: l,
	}, &list)
	if err != nil {
		return nil, err
	}
	out := make([]work.Row[service.Case], len(list))
	for i := range list {
		cs, err := s.toCase(c, &list[i])
		if err != nil {
			return nil, err
		}
		out[i] = work.Row[service.Case]{Record: *cs, Key: c.Entity.Record(cs).Field(l.Sort.Field)}
	}
	return out, nil
}
