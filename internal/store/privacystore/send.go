package privacystore

import (
	"context"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

type sendRow struct {
	store.MetaRow

	Key        string     `bun:"key"`
	SubjectID  store.ID   `bun:"subject_id"`
	Purpose    string     `bun:"purpose"`
	Channel    string     `bun:"channel"`
	State      string     `bun:"state"`
	Reason     string     `bun:"reason"`
	Basis      string     `bun:"basis"`
	Evidence   store.JSON `bun:"evidence"`
	DecisionID store.ID   `bun:"decision_id"`
	DecidedAt  store.Time `bun:"decided_at"`
	Lease      store.Time `bun:"lease_until"`
}

type decisionRow struct {
	ID        store.ID   `bun:"id"`
	SubjectID store.ID   `bun:"subject_id"`
	Purpose   string     `bun:"purpose"`
	Channel   string     `bun:"channel"`
	Reason    string     `bun:"reason"`
	Basis     string     `bun:"basis"`
	Evidence  store.JSON `bun:"evidence"`
	At        store.Time `bun:"at"`
	Until     store.Time `bun:"until_at"`
}

var (
	sendMoves  = append(store.MetaColumns(), "state", "reason", "basis", "evidence", "decision_id", "decided_at", "lease_until")
	sendFields = append(slices.Clone(sendMoves), "key", "subject_id", "purpose", "channel")
	oneSend    = "SELECT " + store.Qualified("s", store.BirthColumns()[1:], sendFields) + " FROM crm_send s WHERE s.tenant_id = $1 AND s.key = $2"

	getSend    = store.Same("privacy.send", oneSend)
	lockSend   = store.Split("privacy.lock_send", oneSend+" FOR UPDATE", oneSend)
	addSend    = store.Same("privacy.add_send", store.InsertText("crm_send", store.BirthColumns(), sendFields))
	updateSend = store.Same("privacy.update_send", store.UpdateText("crm_send", "", sendMoves))

	decisionColumns = []string{"tenant_id", "id", "subject_id", "purpose", "channel", "reason", "basis", "evidence", "at", "until_at"}

	addDecision = store.Same("privacy.add_decision", store.InsertText("crm_decision", decisionColumns))
	decisions   = store.Same("privacy.decisions", "SELECT "+store.Qualified("d", decisionColumns[1:])+`
		FROM crm_decision d WHERE d.tenant_id = $1 AND d.subject_id = $2 ORDER BY d.id DESC LIMIT $3`)
)

func (r *sendRow) sending() (*privacy.Sending, error) {
	evidence, err := decodeIDs(r.Evidence)
	return &privacy.Sending{
		Meta: r.Meta(), Key: r.Key, Subject: ident.ID(r.SubjectID), Purpose: personal.Purpose(r.Purpose),
		Channel: personal.Channel(r.Channel), State: privacy.SendState(r.State), Reason: privacy.Reason(r.Reason),
		Basis: privacy.Basis(r.Basis), Evidence: evidence, Decision: ident.ID(r.DecisionID),
		DecidedAt: time.Time(r.DecidedAt), Lease: time.Time(r.Lease),
	}, err
}

// Sending implements [privacy.SendStore].
func (s *Store) Sending(ctx context.Context, c *work.Call, key string) (*privacy.Sending, error) {
	q := getSend
	if c.Action == work.Send {
		q = lockSend
	}
	var r sendRow
	if err := s.on(c).Get(ctx, q, &r, c.Tenant(), key); err != nil {
		return orNil[privacy.Sending](nil, err)
	}
	return r.sending()
}

// PutSending implements [privacy.SendStore].
func (s *Store) PutSending(ctx context.Context, c *work.Call, old, rec *privacy.Sending) error {
	moves := append(store.MetaValues(&rec.Meta), rec.State, rec.Reason, store.OrNull(rec.Basis), encodeIDs(rec.Evidence), rec.Decision, rec.DecidedAt, rec.Lease)
	if old == nil {
		values := append(store.BirthValues(c.Tenant(), &rec.Meta), moves...)
		return once(s.on(c).Exec(ctx, addSend, append(values, rec.Key, rec.Subject, rec.Purpose, rec.Channel)...))
	}
	return once(s.on(c).Exec(ctx, updateSend, append([]any{c.Tenant(), rec.ID, old.Version}, moves...)...))
}

// AddDecision implements [privacy.SendStore].
func (s *Store) AddDecision(ctx context.Context, c *work.Call, d *privacy.Decision) error {
	_, err := s.on(c).Exec(ctx, addDecision, c.Tenant(), d.ID, d.Subject, d.Purpose, d.Channel, d.Code, store.OrNull(d.Basis), encodeIDs(d.Evidence), d.At, d.Until)
	return err
}

// Decisions implements [privacy.SendStore].
func (s *Store) Decisions(ctx context.Context, c *work.Call, subjects []ident.ID, limit int) ([]privacy.Decision, error) {
	var out []privacy.Decision
	for _, id := range subjects {
		var rows []decisionRow
		if err := s.on(c).Select(ctx, decisions, &rows, c.Tenant(), id, limit); err != nil {
			return nil, err
		}
		for i := range rows {
			r := &rows[i]
			evidence, err := decodeIDs(r.Evidence)
			if err != nil {
				return nil, err
			}
			d := privacy.Decision{
				ID: ident.ID(r.ID), Code: privacy.Reason(r.Reason), Basis: privacy.Basis(r.Basis), Evidence: evidence,
				Subject: ident.ID(r.SubjectID), Purpose: personal.Purpose(r.Purpose), Channel: personal.Channel(r.Channel),
				At: time.Time(r.At), Until: time.Time(r.Until),
			}
			d.Allowed, d.Reason = d.Code == privacy.IsAllowed, d.Code.Sentence()
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b privacy.Decision) int { return b.ID.Compare(a.ID) })
	return out[:min(len(out), limit)], nil
}
