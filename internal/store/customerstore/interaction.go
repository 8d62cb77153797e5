package customerstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/store"
	"github.com/rapport-crm/rapport/privacy/keys"
)

const interactionTable = "crm_interaction"

// interactionColumns are those of interactionRow with the aliases i and, for the key, k.
const interactionColumns = `i.id, i.version, i.owner_user, i.owner_team, i.created_at, i.updated_at, i.created_by, i.source_system, i.source_ref,
	i.channel, i.direction, i.at, i.duration, i.subject, i.body, i.outcome, i.parties, k.wrapped`

const interactionFrom = `crm_interaction i LEFT JOIN crm_subject_key k ON k.tenant_id = i.tenant_id AND k.subject_id = i.id`

var (
	getInteraction = store.Same("interaction.get", `
		SELECT `+interactionColumns+`
		FROM crm_interaction i LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = i.id
		WHERE i.tenant_id = $1 AND i.id = $2`)

	insertInteraction = store.Same("interaction.insert", `
		INSERT INTO crm_interaction (tenant_id, channel, direction, at, duration, subject, body, outcome, parties, `+metaColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`)

	insertParty = store.Same("interaction.insert_party", `
		INSERT INTO crm_interaction_party (tenant_id, customer_id, at, interaction_id, role) VALUES ($1, $2, $3, $4, $5)`)
)

func interactionStatements() []store.SQL {
	return []store.SQL{getInteraction, insertInteraction, insertParty}
}

type interactionRow struct {
	store.MetaRow

	Channel   string     `bun:"channel"`
	Direction string     `bun:"direction"`
	At        store.Time `bun:"at"`
	Duration  int64      `bun:"duration"`
	Subject   []byte     `bun:"subject"`
	Body      []byte     `bun:"body"`
	Outcome   string     `bun:"outcome"`
	Parties   store.JSON `bun:"parties"`
	Wrapped   []byte     `bun:"wrapped"`
}

// party is a participant in the JSON of the row.
type party struct {
	Customer ident.ID `json:"c"`
	Role     string   `json:"r,omitempty"`
}

func (s *Store) interaction(c *work.Call, r *interactionRow) (customer.Interaction, error) {
	rec := customer.Interaction{
		Meta: r.Meta(), Channel: personal.Channel(r.Channel), Direction: customer.Direction(r.Direction), At: time.Time(r.At),
		Duration: time.Duration(r.Duration) * time.Microsecond, Outcome: r.Outcome,
	}
	if len(r.Subject)+len(r.Body) > 0 {
		openers := s.keys.Openers(c.Tenant(), r.Wrapped, rec.ID)
		rec.Subject = sealedText(openers, rec.ID, "subject", r.Subject)
		rec.Body = sealedText(openers, rec.ID, "body", r.Body)
	}
	var list []party
	if err := json.Unmarshal(r.Parties, &list); err != nil {
		return rec, fault.Wrap(fault.Internal, err, "the participants of an interaction cannot be read")
	}
	rec.Participants = make([]customer.Participant, len(list))
	for i, p := range list {
		rec.Participants[i] = customer.Participant(p)
	}
	return rec, nil
}

func sealedText(openers *keys.Openers, id ident.ID, column string, sealed []byte) personal.Text {
	if len(sealed) == 0 {
		return personal.Text{}
	}
	return personal.NewSealed(personal.Content, sealed, openers.At(keys.Place{Table: interactionTable, Column: column, Row: id}))
}

// Interaction implements [customer.Conversations].
func (s *Store) Interaction(ctx context.Context, c *work.Call, id ident.ID) (*customer.Interaction, error) {
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	var row interactionRow
	if err := s.on(c).Get(ctx, getInteraction, &row, c.Tenant(), id); err != nil {
		return nil, missing(err, "interaction")
	}
	rec, err := s.interaction(c, &row)
	return &rec, err
}

// InsertInteraction implements [customer.Conversations].
func (s *Store) InsertInteraction(ctx context.Context, c *work.Call, rec *customer.Interaction) error {
	subject, body, err := s.sealInteraction(ctx, c, rec)
	if err != nil {
		return err
	}
	parties := make([]party, len(rec.Participants))
	for i, p := range rec.Participants {
		parties[i] = party(p)
	}
	doc, err := json.Marshal(parties)
	if err != nil {
		return err
	}
	args := append([]any{
		c.Tenant(), string(rec.Channel), string(rec.Direction), rec.At, rec.Duration.Microseconds(), subject, body, store.OrNull(rec.Outcome), store.JSON(doc),
	}, metaValues(&rec.Meta)...)
	if _, err := s.on(c).Exec(ctx, insertInteraction, args...); err != nil {
		return taken(err, "id")
	}
	for _, p := range rec.Participants {
		if _, err := s.on(c).Exec(ctx, insertParty, c.Tenant(), p.Customer, rec.At, rec.ID, store.OrNull(p.Role)); err != nil {
			return err
		}
	}
	return nil
}

// sealInteraction seals the texts under a new key of the interaction's own; without texts there is none.
func (s *Store) sealInteraction(ctx context.Context, c *work.Call, rec *customer.Interaction) (subject, body []byte, err error) {
	if rec.Subject.IsZero() && rec.Body.IsZero() {
		return nil, nil, nil
	}
	key, err := s.keys.Fresh(ctx, c.Unit, c.Tenant(), rec.ID)
	if err != nil {
		return nil, nil, err
	}
	seal := func(column string, t personal.Text) []byte {
		if err != nil || t.IsZero() {
			return nil
		}
		var sealed []byte
		sealed, err = key.Seal(keys.Place{Table: interactionTable, Column: column, Row: rec.ID}, t.Reveal())
		return sealed
	}
	subject, body = seal("subject", rec.Subject), seal("body", rec.Body)
	return subject, body, err
}

var interactionFields = func() map[string]rule.Column {
	out := store.MetaFields("i")
	for _, f := range []string{"channel", "direction", "outcome"} {
		out[f] = rule.Column{Expr: "i." + f, Type: rule.TypeText, Can: text}
	}
	out["at"] = rule.Column{Expr: "i.at", Type: rule.TypeTime, Can: rule.CanEqual | rule.CanRange | rule.CanSort}
	return out
}()

// ListInteractions implements [customer.Conversations].
func (s *Store) ListInteractions(ctx context.Context, c *work.Call, l work.Listing, parties []ident.ID) ([]work.Row[customer.Interaction], error) {
	if err := s.keys.Warm(ctx, c.Tenant()); err != nil {
		return nil, err
	}
	spec := store.ListSpec{
		Name: "interaction.list", Tenant: c.Tenant(), Select: interactionColumns, From: interactionFrom, Alias: "i",
		Columns: store.Columns{Dialect: s.db.Dialect(), Table: interactionFields, Entity: c.Entity},
		NotNull: []string{"at", "created_at", "updated_at"}, Listing: l,
	}
	if len(parties) > 0 {
		spec.Also = func(b rule.Binder) string {
			return "i.id IN (SELECT p.interaction_id FROM crm_interaction_party p WHERE p.tenant_id = $1 AND p.customer_id IN (" + store.IDs(b, parties) + "))"
		}
	}
	var rows []interactionRow
	if err := s.on(c).SelectList(ctx, spec, &rows); err != nil {
		return nil, err
	}
	out := make([]work.Row[customer.Interaction], len(rows))
	for i := range rows {
		rec, err := s.interaction(c, &rows[i])
		if err != nil {
			return nil, err
		}
		out[i] = work.Row[customer.Interaction]{Record: rec, Key: c.Entity.Record(&rec).Field(l.Sort.Field)}
	}
	return out, nil
}
