package transfer_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
	"github.com/rapport-crm/rapport/service"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// bundle is a CRM with two customers, and a session of an importer.
type bundle struct {
	*crm.Session
	crm    *crm.CRM
	second ident.ID // the customer shop/2
}

// each runs fn on every database, with the custom field "tier" of a kind.
func each(t *testing.T, kind string, fn func(t *testing.T, b bundle)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db dbtest.Backend) {
		c, err := crm.NewPools(t.Context(), crm.Pools{Write: db.Write, Read: db.Read}, db.Dialect, &crm.Config{KMS: keys.NewMemory()})
		require.NoError(t, err)
		b := bundle{crm: c, Session: c.As(ident.System("acme", "import"), privacy.Operations).From(personal.Source{System: "crm"})}
		_, err = b.Schema.Define(t.Context(), schema.Definition{
			Entity: kind, Key: "tier", Label: "Rank", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold", "silver"},
		})
		require.NoError(t, err)
		for _, id := range []string{"1", "2"} {
			rec, err := b.Customers.Create(t.Context(), customer.PersonDraft{Given: "Ada" + id, Ext: []ident.Ext{{System: "shop", ID: id}}})
			require.NoError(t, err)
			b.second = rec.ID
		}
		fn(t, b)
	})
}

// count counts the rows of tables.
func (b bundle) count(t *testing.T, tables ...string) (out []int) {
	t.Helper()
	require.NoError(t, b.InTx(t.Context(), func(ctx context.Context, s *crm.Session) error {
		out = make([]int, len(tables))
		for i, table := range tables {
			if err := s.SQL().QueryRowContext(ctx, "SELECT count(*) FROM "+table).Scan(&out[i]); err != nil {
				return err
			}
		}
		return nil
	}))
	return out
}

// kinds are the kinds of record that have no test of their own elsewhere, each with a file that has something of everything.
// SECOND stands for the id of the customer shop/2, NOBODY for one that no customer has.
var kinds = map[string]struct {
	kind    string
	table   string
	target  func(s *crm.Session) transfer.Target
	mapping transfer.Mapping
	header  string
	good    []string
	bad     [][2]string // row and its fault
	list    func(ctx context.Context, s *crm.Session) ([]string, error)
	want    []string
}{
	"lead": {
		kind: pipeline.EntityLead, table: "crm_lead",
		target: func(s *crm.Session) transfer.Target { return s.Leads.Import() },
		mapping: transfer.Mapping{WithoutIDs: true, Values: map[string]map[string]string{"origin": {"Messe": "fair"}}, Columns: map[string]string{
			"customer": "Kunde", "origin": "Herkunft", "score": "Punkte", "custom.tier": "Rang",
		}},
		header: "Kunde;Herkunft;Punkte;Rang",
		good:   []string{"1;Messe;10;gold", ";web;;", "shop/2;\"a;\r\nb\";-3;", "SECOND;;0;silver"},
		bad: [][2]string{
			{"9;web;1;", `Kunde: no customer has this id in system "shop": import the customer first`},
			{"1;web;ten;", "Punkte: want a whole number"},
			{"1;web;9223372036854775808;", "Punkte: want a whole number"},
			{"1;" + strings.Repeat("x", 101) + ";1;", "Herkunft: must have at most 100 characters, has 101"},
			{"1;web;1;bronze", "Rang: want one of gold, silver"},
			{"NOBODY;;1;", "Kunde: no such customer, or none that you may see"},
			{"1;web;1", "Rang: is missing: the row has 3 fields, the header has 4"},
			{"1;web\xff;1;", "Herkunft: is not valid UTF-8"},
			{"1;w\"eb;1;", "Herkunft: has a quote in the middle: put the whole field between quotes, and write the quote twice"},
		},
		list: func(ctx context.Context, s *crm.Session) ([]string, error) {
			var out []string
			for l, err := range s.Leads.All(ctx, pipeline.LeadFilter{}) {
				if err != nil {
					return nil, err
				}
				out = append(out, fmt.Sprintf("%s %q %d %s %s", owner(ctx, s, l.Customer), l.Origin, l.Score, l.Custom.Get("tier"), l.State))
			}
			return out, nil
		},
		want: []string{`Ada1 "fair" 10 gold new`, `nobody "web" 0  new`, `Ada2 "a;\r\nb" -3  new`, `Ada2 "" 0 silver new`},
	},
	"opportunity": {
		kind: pipeline.EntityOpportunity, table: "crm_opportunity",
		target: func(s *crm.Session) transfer.Target { return s.Opportunities.Import() },
		mapping: transfer.Mapping{System: "deals", Customers: "shop", Date: "D.M.YYYY", Columns: map[string]string{
			"ext": "Nr", "customer": "Kunde", "name": "Titel", "amount": "Wert", "currency": "in", "close_date": "bis", "probability_override": "%", "custom.tier": "Rang",
		}},
		header: "Nr;Kunde;Titel;Wert;in;bis;%;Rang",
		good:   []string{"a;1;Engine;1200.50;EUR;31.12.2026;;gold", "b;SECOND;;7;JPY;1.2.2027;1500;", "c;shop/2;\"a;\r\nb\";;;;;"},
		bad: [][2]string{
			{"d;9;;;;;;", `Kunde: no customer has this id in system "shop": import the customer first`},
			{"e;1;;1.5;JPY;;;", `Wert: want an amount in "JPY", such as 1200.50, with no more decimals than it has`},
			{"f;1;;1.5;;;;", `Wert: want an amount in "", such as 1200.50, with no more decimals than it has`},
			{"g;1;;;;2026-1-2;;", "bis: want a date like 31.12.2026"},
			{"h;1;;;;;x;", "%: want a whole number"},
			{"i;1;;;;;;bronze", "Rang: want one of gold, silver"},
			{"a;1;;;;;;", "Nr: is the same as in line 2"},
			{";1;;;;;;", "Nr: must not be blank"},
			{"j;1;;;;;;;", "Rang: is not the last: the row has 9 fields, the header has 8"},
			{"k;1;" + strings.Repeat("x", 201) + ";;;;;", "Titel: must have at most 200 characters, has 201"},
		},
		list: func(ctx context.Context, s *crm.Session) ([]string, error) {
			var out []string
			for o, err := range s.Opportunities.All(ctx, pipeline.OpportunityFilter{}) {
				if err != nil {
					return nil, err
				}
				out = append(out, fmt.Sprintf("%s %s %q %s %s %d %s", o.Ext.ID, owner(ctx, s, o.Customer), o.Name.Reveal(), o.Amount, o.CloseDate, o.Probability, o.Custom.Get("tier")))
			}
			return out, nil
		},
		want: []string{`a Ada1 "Engine" 1200.50 EUR 2026-12-31 1000 gold`, `b Ada2 "" 7 JPY 2027-02-01 1500 `, `c Ada2 "a;\r\nb"   1000 `},
	},
	"case": {
		kind: service.EntityCase, table: "crm_case",
		target: func(s *crm.Session) transfer.Target { return s.Cases.Import() },
		mapping: transfer.Mapping{WithoutIDs: true, Columns: map[string]string{
			"customer": "Kunde", "subject": "Betreff", "body": "Text", "type": "Art", "priority": "Prio", "custom.tier": "Rang",
		}},
		header: "Kunde;Betreff;Text;Art;Prio;Rang",
		good:   []string{"1;broken;\"it; is\r\nbroken\";complaint;urgent;gold", "SECOND;how;;;;"},
		bad: [][2]string{
			{"9;x;;;;", `Kunde: no customer has this id in system "shop": import the customer first`},
			{";x;;;;", "Kunde: must not be blank"},
			{"1;;;;;", "Betreff: must not be blank"},
			{"1;x;;A B;;", "Art: want 1 to 64 lower-case letters, digits, '-', '_' or '.'"},
			{"1;x;;;asap;", "Prio: no such priority: want one of"},
			{"1;x;;;;bronze", "Rang: want one of gold, silver"},
			{"NOBODY;x;;;;", "Kunde: no such customer"},
			{"1;x;a\x00b;;;", "Text: holds a NUL byte"},
			{"1;x;\"y\"z;;;", "Text: goes on after its closing quote: write a quote inside a quoted field twice"},
		},
		list: func(ctx context.Context, s *crm.Session) ([]string, error) {
			var out []string
			for c, err := range s.Cases.All(ctx, service.CaseFilter{}) {
				if err != nil {
					return nil, err
				}
				out = append(out, fmt.Sprintf("%s %q %q %s %s %s %s", owner(ctx, s, c.Customer), c.Subject.Reveal(), c.Body.Reveal(), c.Type, c.Priority, c.State, c.Custom.Get("tier")))
			}
			return out, nil
		},
		want: []string{`Ada1 "broken" "it; is\r\nbroken" complaint urgent new gold`, `Ada2 "how" "" request normal new `},
	},
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// owner names a customer.
func owner(ctx context.Context, s *crm.Session, id ident.ID) string {
	if id.IsZero() {
		return "nobody"
	}
	c, err := s.Customers.Get(ctx, id)
	if err != nil {
		return err.Error()
	}
	return c.Name.Reveal()
}

// filled puts ids into a text.
func (b bundle) filled(text string) string {
	return strings.NewReplacer("SECOND", b.second.String(), "NOBODY", ident.New().String()).Replace(text)
}

func TestEveryKindIsImported(t *testing.T) {
	t.Parallel()

	for name, k := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			each(t, k.kind, func(t *testing.T, b bundle) {
				m := k.mapping
				m.Entity, m.Delimiter = k.kind, ";"
				if m.System == "" {
					m.System = "shop"
				}
				text, rows, faults, line := "\ufeff"+k.header+"\r\n", len(k.good), []string{}, 2
				for _, row := range k.good {
					text += row + "\r\n"
					line += 1 + strings.Count(row, "\n")
				}
				for _, bad := range k.bad {
					row, want := bad[0], bad[1]
					text += row + "\r\n"
					faults = append(faults, fmt.Sprintf("line %d, %s", line, want))
					rows++
					line++
				}
				load := func(o *transfer.Options) work.LoadReport {
					rep, err := transfer.Import(t.Context(), k.target(b.Session), strings.NewReader(b.filled(text)), m, o)
					require.NoError(t, err)
					require.Equal(t, [5]int{rows, len(k.good), 0, 0, len(k.bad)}, [5]int{rep.Rows, rep.Created, rep.Updated, rep.Unchanged, len(rep.Faults)}, "%v", rep.Faults)
					return rep
				}
				tables := []string{k.table, "crm_audit", "crm_event", "crm_dispatch", "crm_timeline"}
				before := b.count(t, tables...)
				rehearsed := load(&transfer.Options{DryRun: true, Batch: 2})
				require.Equal(t, before, b.count(t, tables...), "a rehearsal writes nothing")

				rep := load(nil)
				require.Equal(t, rehearsed, rep, "a rehearsal reports what the import does")
				require.Len(t, rep.Faults, len(faults))
				for i, f := range rep.Faults {
					require.True(t, strings.HasPrefix(f.String(), faults[i]), "%s, want %s", f, faults[i])
				}
				after := b.count(t, tables...)
				require.Equal(t, before[0]+len(k.good), after[0], "of a row that is refused nothing is written")
				events := "crm_event e WHERE e.ordinal = 0 AND e.entity = '" + k.kind + "'"
				lost := events + " AND NOT EXISTS (SELECT 1 FROM " + k.table + " r WHERE r.id = e.record_id)"
				require.Equal(t, []int{len(k.good), 0}, b.count(t, events, lost), "each record has its event, and no event is about another one")
				got, err := k.list(t.Context(), b.For(privacy.Operations))
				require.NoError(t, err)
				require.Equal(t, sorted(k.want), sorted(got))
			})
		})
	}
}
