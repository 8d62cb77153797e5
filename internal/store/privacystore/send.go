package privacystore

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

var (
	sends  = store.TableOf[privacy.Sending](work.Find(privacy.Kinds(), privacy.EntitySend), map[string]string{"lease": "lease_until"})
	byName = sends.KeyOf("_by_key", "key")

	decisionColumns = []string{"tenant_id", "id", "subject_id", "purpose", "channel", "reason", "basis", "evidence", "at", "until_at"}

	addDecision = store.Same("privacy.add_decision", store.InsertText("crm_decision", decisionColumns))
	decisions   = store.Same("privacy.decisions", "SELECT "+store.Qualified("d", decisionColumns[1:])+`
		FROM crm_decision d WHERE d.tenant_id = $1 AND d.subject_id = $2 ORDER BY d.id DESC LIMIT $3`)
)

// decisionRow is a decision as it is stored. It is no record: it has no versions and no owner.
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

func (r *decisionRow) decision() (privacy.Decision, error) {
	d := privacy.Decision{
		ID: ident.ID(r.ID), Code: privacy.Reason(r.Reason), Basis: privacy.Basis(r.Basis),
		Subject: ident.ID(r.SubjectID), Purpose: personal.Purpose(r.Purpose), Channel: personal.Channel(r.Channel),
		At: time.Time(r.At), Until: time.Time(r.Until),
	}
	d.Allowed, d.Reason = d.Code == privacy.IsAllowed, d.Code.Sentence()
	if len(r.Evidence) == 0 {
		return d, nil
	}
	if err := json.Unmarshal(r.Evidence, &d.Evidence); err != nil {
		return d, fault.New(fault.Internal, "the evidence of a decision cannot be read: %w", err)
	}
	return d, nil
}

// Sends implements [privacy.SendStore].
func (s *Store) Sends() work.Store[privacy.Sending] { return s.sends }

// Sending implements [privacy.SendStore].
func (s *Store) Sending(ctx context.Context, c *work.Call, key string, how work.Fetch) func(ctx context.Context) (*privacy.Sending, error) {
	return s.sends.ByLater(ctx, c, &byName, how, key)
}

// AddDecision implements [privacy.SendStore].
func (s *Store) AddDecision(_ context.Context, c *work.Call, d *privacy.Decision) error {
	var evidence store.Texts
	for _, id := range d.Evidence {
		evidence = append(evidence, id.String())
	}
	return s.on(c).Queue(addDecision, nil, c.Tenant(), d.ID, d.Subject, d.Purpose, d.Channel, d.Code, store.OrNull(d.Basis), evidence, d.At, d.Until)
}

// Decisions implements [privacy.SendStore].
func (s *Store) Decisions(ctx context.Context, c *work.Call, subjects []ident.ID, limit int) ([]privacy.Decision, error) {
	rows := make([][]decisionRow, len(subjects))
	waits := make([]*store.Later, len(subjects))
	for i, id := range subjects {
		waits[i] = s.on(c).SelectLater(decisions, &rows[i], c.Tenant(), id, limit)
	}
	var out []privacy.Decision
	for i, w := range waits {
		if err := w.Wait(ctx); err != nil {
			return nil, err
		}
		for j := range rows[i] {
			d, err := rows[i][j].decision()
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b privacy.Decision) int { return b.ID.Compare(a.ID) })
	return out[:min(len(out), limit)], nil
}
