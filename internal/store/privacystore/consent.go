package privacystore

import (
	"context"
	"slices"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
)

var (
	consents = store.TableOf[privacy.Consent](work.Find(privacy.Kinds(), privacy.EntityConsent), map[string]string{"until": "until_at"})

	// lockHead makes the row where it is missing and locks it where it is there, in one statement.
	lockHead = store.Same("privacy.lock_head", `
		INSERT INTO crm_consent_head (tenant_id, subject_id, seq) VALUES ($1, $2, 0)
		ON CONFLICT (tenant_id, subject_id) DO UPDATE SET seq = crm_consent_head.seq RETURNING seq`)
	moveHead = store.Same("privacy.move_head", `
		UPDATE crm_consent_head SET seq = $3 WHERE tenant_id = $1 AND subject_id = $2`)
	said = consents.Reading("privacy.said", `
		r.subject_id = $2 AND r.purpose = $3 AND r.channel IN ($4, 'any') ORDER BY r.id LIMIT $5`)
)

// ledger is the table of consents with the heads of their subjects.
type ledger struct {
	*store.Bound[privacy.Consent, *privacy.Consent]
}

// Consents implements [privacy.ConsentStore].
func (s *Store) Consents() work.Store[privacy.Consent] { return ledger{s.consents} }

// Save implements [work.Store].
func (l ledger) Save(ctx context.Context, c *work.Call, before, after *privacy.Consent) error {
	if err := l.Bound.Save(ctx, c, before, after); err != nil {
		return err
	}
	for _, id := range sorted(append([]ident.ID{after.Subject}, after.Covers...)) {
		if err := l.DB.On(c.Unit).Queue(moveHead, nil, c.Tenant(), id, after.Seq); err != nil {
			return err
		}
	}
	return nil
}

// Insert implements [work.Store]. Nothing creates consents in bulk: each holds the heads of its own subjects.
func (l ledger) Insert(context.Context, *work.Call, []*privacy.Consent) error {
	return fault.New(fault.Internal, "consents are recorded one by one")
}

// LockHeads implements [privacy.ConsentStore].
func (s *Store) LockHeads(_ context.Context, c *work.Call, subjects []ident.ID) func(ctx context.Context) (int64, error) {
	seqs := make([]int64, len(subjects))
	waits := make([]*store.Later, len(subjects))
	for i, id := range sorted(subjects) {
		waits[i] = s.on(c).GetLater(lockHead, &seqs[i], c.Tenant(), id)
	}
	return func(ctx context.Context) (int64, error) {
		for _, w := range waits {
			if err := w.Wait(ctx); err != nil {
				return 0, err
			}
		}
		return slices.Max(seqs), nil
	}
}

// LearnKey implements [privacy.ConsentStore].
func (s *Store) LearnKey(c *work.Call, subject ident.ID) func(ctx context.Context) error {
	return s.consents.LearnKey(c, subject)
}

// Said implements [privacy.ConsentStore].
func (s *Store) Said(ctx context.Context, c *work.Call, subjects []ident.ID, p personal.Purpose, ch personal.Channel) func(ctx context.Context) ([]privacy.Consent, error) {
	waits := make([]func(ctx context.Context) ([]privacy.Consent, error), len(subjects))
	for i, id := range subjects {
		waits[i] = s.consents.AllLater(ctx, c, said, c.Tenant(), id, p, ch, privacy.MaxSaid+1)
	}
	return func(ctx context.Context) (out []privacy.Consent, _ error) {
		for _, wait := range waits {
			some, err := wait(ctx)
			if err != nil {
				return nil, err
			}
			out = append(out, some...)
		}
		if len(out) > privacy.MaxSaid {
			return nil, fault.New(fault.LimitExceeded, "more than %d consent records about one purpose and channel", privacy.MaxSaid)
		}
		return out, nil
	}
}

func sorted(ids []ident.ID) []ident.ID {
	return slices.SortedFunc(slices.Values(ids), ident.ID.Compare)
}
