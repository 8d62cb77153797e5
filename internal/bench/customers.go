package bench

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/bench/sample"
	"github.com/rapport-crm/rapport/internal/bench/script"
)

// What the peers ask about customers. A record is the row, whether anybody was merged into it, its contact points with
// the key that opens them, and its external ids.
const (
	merged  = `, (SELECT 1 FROM crm_customer l WHERE l.tenant_id = $1 AND l.canonical_id = c.id LIMIT 1) IS NOT NULL AS merged`
	one     = ` FROM crm_customer c WHERE c.tenant_id = $1 AND c.id = $2 AND c.deleted_at IS NULL`
	details = `SELECT p.customer_id, p.id, p.version, p.channel AS word, p.label AS text, p.is_primary, p.verified, p.invalid, p.valid_from,
			p.sealed, k.wrapped
		FROM crm_contact_point p LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = p.customer_id
		WHERE p.tenant_id = $1 AND p.valid_to IS NULL AND p.customer_id [IS]
		UNION ALL SELECT e.customer_id, NULL, 0, e.system, e.ext_id, false, false, false, NULL, NULL, NULL
		FROM crm_customer_ext e WHERE e.tenant_id = $1 AND e.customer_id [IS]`

	firstPeople = ` FROM crm_customer c WHERE c.tenant_id = $1 AND c.deleted_at IS NULL AND c.canonical_id IS NULL AND c.kind = $2 AND c.owner_team = $3
		AND c.sort_name IS NOT NULL`
	nextPeople  = ` AND (c.sort_name, c.id) > ($4, $5)`
	endOfPeople = ` ORDER BY c.sort_name, c.id LIMIT 51`

	timeline = `SELECT t.record_id, t.customer_id, t.happened, t.event_id, t.kind, t.entity, t.line_user, t.line_team, i.id, i.version, i.owner_user, i.owner_team, i.created_at, i.updated_at, i.created_by, i.source_system, i.source_ref,
			i.channel, i.direction, i.at, i.duration, i.subject, i.body, i.outcome, i.parties, k.wrapped
		FROM (SELECT customer_id, at AS happened, event_id, kind, entity, record_id, owner_user AS line_user, owner_team AS line_team
			FROM crm_timeline WHERE tenant_id = $1 AND customer_id = $2 ORDER BY at DESC, event_id DESC LIMIT 21) AS t
		LEFT JOIN crm_interaction i ON i.tenant_id = $1 AND i.id = t.record_id AND t.entity = 'interaction'
		LEFT JOIN crm_subject_key k ON k.tenant_id = $1 AND k.subject_id = i.id
		ORDER BY t.happened DESC, t.event_id DESC`

	foundPostgres = ` FROM (SELECT DISTINCT coalesce(m.canonical_id, m.id) AS id FROM crm_customer m
			WHERE m.tenant_id = $1 AND m.search @@ $2::tsquery AND m.deleted_at IS NULL) found
		CROSS JOIN LATERAL (SELECT * FROM crm_customer x WHERE x.tenant_id = $1 AND x.id = found.id LIMIT 1) c`
	foundSQLite = ` FROM (SELECT DISTINCT coalesce(m.canonical_id, m.id) AS id FROM crm_customer_fts f CROSS JOIN crm_customer m
			WHERE f.crm_customer_fts MATCH $2 AND m.tenant_id = $1 AND m.search = f.rowid AND m.deleted_at IS NULL) found
		CROSS JOIN crm_customer c`
	endOfFound = ` WHERE c.tenant_id = $1 AND c.id = found.id AND c.deleted_at IS NULL AND c.canonical_id IS NULL
		ORDER BY c.sort_name NULLS LAST, c.id LIMIT 20`

	byExt = ` FROM crm_customer_ext e JOIN crm_customer c ON c.tenant_id = $1 AND c.id = e.customer_id
		WHERE e.tenant_id = $1 AND e.system = $2 AND e.ext_id = $3 AND c.deleted_at IS NULL`
)

// askDetails asks for contact points and external ids of customers.
func (a *asked) askDetails(customers ...customer.Customer) error {
	rows := 0
	ids := make([][16]byte, len(customers))
	words := make([]string, len(customers))
	for i := range customers {
		ids[i] = customers[i].ID
		words[i] = hex.EncodeToString(ids[i][:])
		rows += len(customers[i].Points) + len(customers[i].Ext)
	}
	switch {
	case len(ids) == 1:
		return a.ask(strings.ReplaceAll(details, "[IS]", "= $2"), rows, customers[0].ID)
	case a.builder.SQLite:
		list, err := json.Marshal(words)
		if err != nil {
			return err
		}
		return a.ask(strings.ReplaceAll(details, "[IS]", "IN (SELECT unhex(value) FROM json_each($2))"), rows, string(list))
	}
	each := strings.ReplaceAll(details, "[IS]", "= s.id")
	return a.ask("SELECT d.* FROM unnest($2::uuid[]) AS s(id) CROSS JOIN LATERAL ("+each+" LIMIT 10000) d", rows, ids)
}

func (w *world) gets(ctx context.Context, name string) (*operation, error) {
	ids, err := w.resolve(ctx, w.sample(min(manyCalls, w.rows/4), 1))
	if err != nil {
		return nil, err
	}
	get := func(ctx context.Context, s *crm.Session, k int) (customer.Customer, error) {
		c, err := s.Customers.Get(ctx, ids[k])
		if err == nil && name == opReveal {
			for i := range c.Points {
				if c.Points[i].Value.Reveal() == "" {
					return c, fmt.Errorf("bench: %s: an address is empty", name)
				}
			}
		}
		return c, full(err, name, len(c.Points), 2)
	}
	text := "SELECT " + w.columns("crm_customer", "c") + merged + one
	return reading(name, len(ids),
		func(ctx context.Context, s *crm.Session, k int) error {
			_, err := get(ctx, s, k)
			return err
		},
		func(ctx context.Context, s *crm.Session, a *asked, k int) error {
			c, err := get(ctx, s, k)
			if err != nil {
				return err
			}
			return errors.Join(a.ask(text, 1, c.ID), a.askDetails(c))
		}), nil
}

// lists measures people of a team by name.
func (w *world) lists(ctx context.Context) (*operation, error) {
	get := func(ctx context.Context, s *crm.Session, f customer.Filter, cursor string) (page.Page[customer.Customer], error) {
		f.Query.Cursor = cursor
		return s.Customers.Page(ctx, f)
	}
	var pages []listed[customer.Filter, customer.Customer]
	for t := range sample.Teams {
		f := customer.Filter{
			Kinds: []customer.Kind{customer.Person}, OwnerTeam: fmt.Sprintf("team-%d", t), Query: page.Query{Sort: "name", Limit: pageSize},
		}
		found, err := walk(ctx, w.session(w.ours, sample.BigTenant), f, fewCalls/sample.Teams, get)
		if err != nil {
			return nil, err
		}
		pages = append(pages, found...)
	}
	text := "SELECT " + w.columns("crm_customer", "c") + merged + firstPeople
	return listing(opList, pages, get, func(ctx context.Context, a *asked, p *listed[customer.Filter, customer.Customer]) error {
		text, args := text, []any{string(customer.Person), p.filter.OwnerTeam}
		if p.after != nil {
			name, err := w.sortName(ctx, p.after.ID)
			if err != nil {
				return err
			}
			text, args = text+nextPeople, append(args, name, p.after.ID)
		}
		return errors.Join(a.ask(text+endOfPeople, p.read(), args...), a.askDetails(p.page.Items...))
	})
}

// sortName returns by what a customer is sorted, which is not part of the record.
func (w *world) sortName(ctx context.Context, id ident.ID) (name string, err error) {
	key := any(id.String())
	if w.dialect == SQLite {
		key = id[:]
	}
	err = w.raw.QueryRowContext(ctx, "SELECT sort_name FROM crm_customer WHERE tenant_id = $1 AND id = $2", sample.BigTenant, key).Scan(&name)
	return name, err
}

// timelines measures customers with a history.
func (w *world) timelines() *operation {
	get := func(ctx context.Context, s *crm.Session, k int) error {
		p, err := s.Interactions.Timeline(ctx, w.busy[k], page.Query{Limit: 20})
		return full(err, opTimeline, len(p.Items), 20)
	}
	return reading(opTimeline, len(w.busy), get, func(ctx context.Context, s *crm.Session, a *asked, k int) error {
		return errors.Join(get(ctx, s, k), a.ask("SELECT c.id, c.canonical_id"+merged+one, 1, w.busy[k]), a.ask(timeline, 21, w.busy[k]))
	})
}

func (w *world) searches() *operation {
	numbers := w.sample(min(manyCalls, w.rows/4), 3)
	find := func(ctx context.Context, s *crm.Session, k int) ([]customer.Customer, error) {
		found, err := s.Customers.Search(ctx, w.people.Name(numbers[k]), 20)
		return found, full(err, opSearch, min(len(found), 1), 1)
	}
	from := foundPostgres
	if w.dialect == SQLite {
		from = foundSQLite
	}
	text := "SELECT " + w.columns("crm_customer", "c") + merged + from + endOfFound
	return reading(opSearch, len(numbers),
		func(ctx context.Context, s *crm.Session, k int) error {
			_, err := find(ctx, s, k)
			return err
		},
		func(ctx context.Context, s *crm.Session, a *asked, k int) error {
			var found []customer.Customer
			log, err := w.recorder.Record(func() (err error) {
				found, err = find(ctx, s, k)
				return err
			})
			words := script.Words(log, sample.BigTenant)
			if err == nil && words == "" {
				err = errors.New("bench: the search asked no index in a way the peers know")
			}
			return errors.Join(err, a.ask(text, len(found), words), a.askDetails(found...))
		})
}

// inserts creates one new person after the other; a person is never made twice.
func (w *world) inserts() *operation {
	create := func(ctx context.Context, s *crm.Session) error {
		for {
			i := w.next
			w.next++
			if d, ok := w.people.Draft(i).(customer.PersonDraft); ok {
				_, err := s.Customers.Create(ctx, d)
				return err
			}
		}
	}
	return &operation{
		name: opInsert, writes: true, takes: 2 * manyChanges, again: 1, fresh: true, mark: sample.Mark,
		taken: func(ctx context.Context, s *crm.Session, _ *asked, _, _ int) error { return create(ctx, s) },
		ours:  func(ctx context.Context, s *crm.Session, _ int) error { return create(ctx, s) },
	}
}

// upserts brings another family name to customers that are there, forth and back. Ours and the peers have customers
// of their own, because each side must know the version it finds.
func (w *world) upserts() *operation {
	numbers := w.sample(min(2*manyChanges, w.rows/4), 2)
	theirs, ours := numbers[:len(numbers)/2], numbers[len(numbers)/2:]
	upsert := func(ctx context.Context, s *crm.Session, i, round int) (customer.Customer, error) {
		name := "Featherstonehaugh" // neither is a name of the generator
		if round%2 == 1 {
			name = "Zimmermann"
		}
		d := w.people.Draft(i)
		switch x := d.(type) {
		case customer.PersonDraft:
			x.Family = name
			d = x
		case customer.OrganizationDraft:
			x.Name = name
			d = x
		}
		return s.Customers.Upsert(ctx, w.people.Ext(i), d)
	}
	text := "SELECT " + w.columns("crm_customer", "c") + merged + byExt + w.lock("c")
	return &operation{
		name: opUpsert, writes: true, takes: len(theirs), again: 2,
		taken: func(ctx context.Context, s *crm.Session, a *asked, k, variant int) error {
			c, err := upsert(ctx, s, theirs[k], variant)
			if err != nil {
				return err
			}
			x := w.people.Ext(theirs[k])
			return errors.Join(a.ask(text, 1, x.System, x.ID), a.askDetails(c))
		},
		ours: func(ctx context.Context, s *crm.Session, n int) error {
			_, err := upsert(ctx, s, ours[n%len(ours)], n/len(ours))
			return err
		},
	}
}
