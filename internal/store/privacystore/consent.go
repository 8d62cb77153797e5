package privacystore

import (
	"context"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

type consentRow struct {
	store.MetaRow

	SubjectID  store.ID   `bun:"subject_id"`
	Seq        int64      `bun:"seq"`
	Covers     store.JSON `bun:"covers"`
	State      string     `bun:"state"`
	Purpose    string     `bun:"purpose"`
	Channel    string     `bun:"channel"`
	Basis      string     `bun:"basis"`
	Notice     string     `bun:"notice"`
	NoticeHash string     `bun:"notice_hash"`
	Act        string     `bun:"act"`
	Evidence   []byte     `bun:"evidence"`
	At         store.Time `bun:"at"`
	Until      store.Time `bun:"until_at"`
	Wrapped    []byte     `bun:"wrapped"`
}

var (
	consentFields = append(store.MetaColumns(), "subject_id", "seq", "covers", "state", "purpose", "channel", "basis",
		"notice", "notice_hash", "act", "evidence", "at", "until_at")
	consentSelect = store.Qualified("c", store.BirthColumns()[1:], consentFields) + ", k.wrapped"
	consentFrom   = "crm_consent c LEFT JOIN crm_subject_key k ON k.tenant_id = c.tenant_id AND k.subject_id = c.subject_id"

	// lockHead makes the row where it is missing and locks it where it is there, in one statement.
	lockHead = store.Same("privacy.lock_head", `
		INSERT INTO crm_consent_head (tenant_id, subject_id, seq) VALUES ($1, $2, 0)
		ON CONFLICT (tenant_id, subject_id) DO UPDATE SET seq = crm_consent_head.seq RETURNING seq`)
	moveHead = store.Same("privacy.move_head", `
		UPDATE crm_consent_head SET seq = $3 WHERE tenant_id = $1 AND subject_id = $2`)
	addConsent = store.Same("privacy.add_consent", store.InsertText("crm_consent", store.BirthColumns(), consentFields))
	getConsent = store.Same("privacy.consent", "SELECT "+consentSelect+" FROM "+consentFrom+" WHERE c.tenant_id = $1 AND c.id = $2")
	said       = store.Same("privacy.said", "SELECT "+consentSelect+" FROM "+consentFrom+`
		WHERE c.tenant_id = $1 AND c.subject_id = $2 AND c.purpose = $3 AND c.channel IN ($4, 'any') ORDER BY c.id LIMIT $5`)
)

var consentTable = columns("c", map[string]rule.Column{
	"subject": store.Field("c.subject_id", rule.TypeID),
	"seq":     store.Field("c.seq", rule.TypeInt),
	"state":   store.Field("c.state", rule.TypeText),
	"purpose": store.Field("c.purpose", rule.TypeText),
	"channel": store.Field("c.channel", rule.TypeText),
	"basis":   store.Field("c.basis", rule.TypeText),
	"notice":  store.Field("c.notice", rule.TypeText),
	"act":     store.Field("c.act", rule.TypeText),
	"at":      store.Field("c.at", rule.TypeTime),
	"until":   store.Field("c.until_at", rule.TypeTime),
})

// columns joins the fields of Meta with an entity's own.
func columns(alias string, own map[string]rule.Column) map[string]rule.Column {
	out := store.MetaFields(alias)
	for name, col := range own {
		out[name] = col
	}
	return out
}

func evidencePlace(id ident.ID) keys.Place {
	return keys.Place{Table: "crm_consent", Column: "evidence", Row: id}
}

func (s *Store) toConsent(c *work.Call, r *consentRow) (*privacy.Consent, error) {
	covers, err := decodeIDs(r.Covers)
	if err != nil {
		return nil, err
	}
	rec := &privacy.Consent{
		Meta: r.Meta(), Subject: ident.ID(r.SubjectID), Seq: r.Seq, Covers: covers, State: privacy.State(r.State),
		Purpose: personal.Purpose(r.Purpose), Channel: personal.Channel(r.Channel), Basis: privacy.Basis(r.Basis),
		Notice: r.Notice, NoticeHash: r.NoticeHash, Act: privacy.Act(r.Act), At: time.Time(r.At), Until: time.Time(r.Until),
	}
	if len(r.Evidence) > 0 {
		o := s.keys.Opener(c.Tenant(), r.Wrapped, rec.Subject, evidencePlace(rec.ID))
		rec.Evidence = personal.NewSealed(personal.Content, r.Evidence, o)
	}
	return rec, nil
}

// LockHeads implements [privacy.ConsentStore].
func (s *Store) LockHeads(ctx context.Context, c *work.Call, subjects []ident.ID) (int64, error) {
	var most int64
	for _, id := range sorted(subjects) {
		var seq int64
		if err := s.on(c).Get(ctx, lockHead, &seq, c.Tenant(), id); err != nil {
			return 0, err
		}
		most = max(most, seq)
	}
	return most, nil
}

// AddConsent implements [privacy.ConsentStore].
func (s *Store) AddConsent(ctx context.Context, c *work.Call, rec *privacy.Consent) error {
	evidence, err := s.seal(ctx, c, rec)
	if err != nil {
		return err
	}
	values := append(store.BirthValues(c.Tenant(), &rec.Meta), store.MetaValues(&rec.Meta)...)
	values = append(values, rec.Subject, rec.Seq, encodeIDs(rec.Covers), rec.State, rec.Purpose, rec.Channel, store.OrNull(rec.Basis),
		store.OrNull(rec.Notice), store.OrNull(rec.NoticeHash), store.OrNull(rec.Act), evidence, rec.At, rec.Until)
	if _, err := s.on(c).Exec(ctx, addConsent, values...); err != nil {
		return taken(err)
	}
	for _, id := range sorted(append([]ident.ID{rec.Subject}, rec.Covers...)) {
		if _, err := s.on(c).Exec(ctx, moveHead, c.Tenant(), id, rec.Seq); err != nil {
			return err
		}
	}
	return nil
}

// taken is the fault of an id that the host chose and that is there already.
func taken(err error) error {
	if !store.Duplicate(err) {
		return err
	}
	f := fault.New(fault.Conflict, "is taken: %w", err)
	f.Field, f.Reason = "id", "taken"
	return f
}

// seal encrypts the evidence; without one no key is made.
func (s *Store) seal(ctx context.Context, c *work.Call, rec *privacy.Consent) ([]byte, error) {
	plain, err := rec.Evidence.Value()
	if err != nil || plain == "" {
		return nil, err
	}
	key, err := s.keys.Subject(ctx, c.Unit, c.Tenant(), rec.Subject, true)
	if err != nil {
		return nil, err
	}
	return key.Seal(evidencePlace(rec.ID), plain)
}

// Said implements [privacy.ConsentStore].
func (s *Store) Said(ctx context.Context, c *work.Call, subjects []ident.ID, p personal.Purpose, ch personal.Channel) ([]privacy.Consent, error) {
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	var out []privacy.Consent
	for _, id := range subjects {
		var rows []consentRow
		if err := s.on(c).Select(ctx, said, &rows, c.Tenant(), id, p, ch, privacy.MaxSaid+1); err != nil {
			return nil, err
		}
		for i := range rows {
			rec, err := s.toConsent(c, &rows[i])
			if err != nil {
				return nil, err
			}
			out = append(out, *rec)
		}
		if len(out) > privacy.MaxSaid {
			return nil, fault.New(fault.LimitExceeded, "more than %d consent records about one purpose and channel", privacy.MaxSaid)
		}
	}
	return out, nil
}

// Consent implements [privacy.ConsentStore].
func (s *Store) Consent(ctx context.Context, c *work.Call, id ident.ID) (*privacy.Consent, error) {
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	var r consentRow
	if err := s.on(c).Get(ctx, getConsent, &r, c.Tenant(), id); err != nil {
		return nil, err
	}
	return s.toConsent(c, &r)
}

// ListConsents implements [privacy.ConsentStore].
func (s *Store) ListConsents(ctx context.Context, c *work.Call, l work.Listing) ([]work.Row[privacy.Consent], error) {
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	var list []consentRow
	err := s.on(c).SelectList(ctx, store.ListSpec{
		Name: "privacy.list_consents", Tenant: c.Tenant(), Select: consentSelect, From: consentFrom, Alias: "c",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: consentTable, Entity: c.Entity},
		NotNull: []string{"created_at", "updated_at", "at"}, Listing: l,
	}, &list)
	if err != nil {
		return nil, err
	}
	out := make([]work.Row[privacy.Consent], len(list))
	for i := range list {
		rec, err := s.toConsent(c, &list[i])
		if err != nil {
			return nil, err
		}
		out[i] = work.Row[privacy.Consent]{Record: *rec, Key: c.Entity.Record(rec).Field(l.Sort.Field)}
	}
	return out, nil
}
