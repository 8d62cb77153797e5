package customer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// bundle is a CRM with a custom field, and a session of an importer.
type bundle struct{ *crm.Session }

// each runs fn on every database.
func each(t *testing.T, fn func(t *testing.T, b bundle)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, db dbtest.Backend) {
		c, err := crm.NewPools(t.Context(), crm.Pools{Write: db.Write, Read: db.Read}, db.Dialect, &crm.Config{KMS: keys.NewMemory()})
		require.NoError(t, err)
		s := c.As(ident.System("acme", "import"), privacy.Operations).From(personal.Source{System: "shop"})
		_, err = s.Schema.Define(t.Context(), schema.Definition{
			Entity: customer.EntityCustomer, Key: "tier", Type: rule.TypeText, Class: personal.None, Enum: []string{"gold", "silver"},
		})
		require.NoError(t, err)
		fn(t, bundle{s})
	})
}

// good is a mapping of persons that other cases change.
func good() transfer.Mapping {
	return transfer.Mapping{
		Entity: "customer", Kind: "person", System: "shop",
		Columns: map[string]string{"ext": "No.", "given": "First name", "email": "E-mail", "phone.work": "Phone", "custom.tier": "Tier"},
	}
}

// load imports a text; inTx says whether the session is inside a transaction.
func (b bundle) load(t *testing.T, text string, batch int, inTx bool) (rep work.LoadReport) {
	t.Helper()
	load := func(ctx context.Context, s *crm.Session) (err error) {
		rep, err = transfer.Import(ctx, s.Customers.Import(), strings.NewReader(text), good(), &transfer.Options{Batch: batch})
		return err
	}
	if inTx {
		require.NoError(t, b.InTx(t.Context(), load))
	} else {
		require.NoError(t, load(t.Context(), b.Session))
	}
	require.Equal(t, rep.Rows, rep.Created+rep.Updated+rep.Unchanged+len(rep.Faults), "each row is counted once")
	return rep
}

func (b bundle) names(t *testing.T) []string {
	t.Helper()
	var out []string
	for c, err := range b.Customers.All(t.Context(), customer.Filter{}) {
		require.NoError(t, err)
		var points []string
		for _, p := range c.Points {
			points = append(points, p.Label+":"+p.Value.Reveal())
		}
		out = append(out, fmt.Sprintf("%s %v %s", c.Name.Reveal(), points, c.Custom.Get("tier")))
	}
	slices.Sort(out)
	return out
}

const header = "No.,First name,E-mail,Phone,Tier,Remarks\n"

func TestC14Import(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		text := header + "1,Ada,ada@example.com,+49 30 901820,gold,x\n\n2,Bo,,,,\n" +
			"3,Cy,not-an-address,12,gold,\n" + // two points that are none
			"1,Dan,,,,\n" + // the first row again
			"4,Eve,,,bronze,\n,Fay,,,,\n5,Gus\n6,\xff,,,,\n7,Hal\x00,,,,\n" +
			"8," + strings.Repeat("x", 121) + ",,,,\n9,Ian,,,silver,\n"
		want := []string{
			"line 5, E-mail: is not an e-mail address: want name@domain", "line 5, Phone: is not a telephone number",
			"line 6, No.: is the same as in line 2", "line 7, Tier: want one of gold, silver", "line 8, No.: must not be blank",
			"line 9, E-mail: is missing: the row has 2 fields, the header has 6", "line 10, First name: is not valid UTF-8", "line 11, First name: holds a NUL byte",
			"line 12, First name: must have at most 120 characters",
		}
		rep := b.load(t, text, 3, true)
		require.Len(t, rep.Faults, 8)
		got := lines(rep.Faults)
		require.Len(t, got, len(want), "%v", got)
		for i, line := range got {
			require.True(t, strings.HasPrefix(line, want[i]), "%s, want %s", line, want[i])
		}
		rep.Faults = nil
		require.Equal(t, work.LoadReport{Rows: 11, Created: 3, Blank: 1, Unmapped: []string{"Remarks"}}, rep)
		require.Equal(t, []string{"Ada [:ada@example.com work:+4930901820] gold", "Bo []", "Ian [] silver"}, trimmed(b.names(t)))
	})
}

// lines lists what is wrong with rows.
func lines(list []work.RowFault) (out []string) {
	for _, f := range list {
		out = append(out, strings.Split(f.String(), "\n")...)
	}
	return out
}

func trimmed(list []string) []string {
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

func TestATaxIDIsImported(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		for _, kind := range []string{"person", "organization", "group"} {
			m := transfer.Mapping{
				Entity: "customer", Kind: kind, System: kind, Columns: map[string]string{"ext": "No.", "name": "Name", "tax_id": "VAT"},
			}
			file := "No.,Name,VAT\n1,ACME,DE 1\n2,Bo," + strings.Repeat("9", 61) + "\n"
			rep, err := transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(file), m, nil)
			require.NoError(t, err)
			require.Equal(t, 1, rep.Created)
			require.Equal(t, "[line 3, VAT: must have at most 60 characters, has 61]", fmt.Sprint(rep.Faults))
			require.Equal(t, [2]int{1, 3}, [2]int{rep.Faults[0].Row, rep.Faults[0].Line})
			got, err := b.Customers.ByExt(t.Context(), ident.Ext{System: kind, ID: "1"})
			require.NoError(t, err)
			got, err = b.Customers.Reveal(t.Context(), got.ID)
			require.NoError(t, err)
			require.Equal(t, "DE 1", got.TaxID.Reveal())
		}
	})
}

func TestImportAgain(t *testing.T) {
	t.Parallel()

	for _, inTx := range []bool{false, true} {
		t.Run(fmt.Sprintf("transactions %v", inTx), func(t *testing.T) {
			t.Parallel()

			each(t, func(t *testing.T, b bundle) {
				first := b.load(t, header+"1,Ada,ada@example.com,,gold,\n2,Bo,,,,\n", 1, inTx)
				require.Equal(t, 2, first.Created)
				again := b.load(t, header+"1,Ada,ada@example.com,,gold,\n2,Bob,,,,\n3,Cy,,,,\n", 0, inTx)
				require.Equal(t, [4]int{1, 1, 1, 0}, [4]int{again.Created, again.Updated, again.Unchanged, len(again.Faults)}, "%v", again.Faults)
				require.Equal(t, []string{"Ada [:ada@example.com] gold", "Bob []", "Cy []"}, trimmed(b.names(t)))

				// What an update refuses is a fault of the right column, and the others go on.
				bad := b.load(t, header+"1,Ada,ada@example.com,12,,\n2,Bo,,,,\n", 0, inTx)
				require.Equal(t, [4]int{0, 1, 0, 1}, [4]int{bad.Created, bad.Updated, bad.Unchanged, len(bad.Faults)})
				require.Len(t, bad.Faults, 1)
				require.Regexp(t, "^line 2, Phone: is not a telephone number", bad.Faults[0].String())
			})
		})
	}
}

func TestC14Rehearsal(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		opts := &transfer.Options{Batch: 2, DryRun: true}
		var seen []int
		opts.Progress = func(r work.LoadReport) { seen = append(seen, r.Rows) }
		rep, err := transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(header+"1,Ada,,,,\n2,Bo,x,,,\n3,Cy,,,,\n"), good(), opts)
		require.NoError(t, err)
		require.Equal(t, [3]int{3, 2, 1}, [3]int{rep.Rows, rep.Created, len(rep.Faults)})
		require.Equal(t, []int{2, 3}, seen)
		require.Empty(t, b.names(t))
	})
}

func TestImportStops(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		opts := &transfer.Options{}
		_, err := transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader("x\n1\n"), good(), opts)
		require.ErrorIs(t, err, fault.ErrInvalid, "no such columns")
		_, err = transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(header), good(), &transfer.Options{Batch: -1})
		require.ErrorContains(t, err, "batch")
		m := good()
		m.Columns["custom.teir"] = "Tier"
		_, err = transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(header), m, nil)
		require.ErrorContains(t, err, `did you mean "custom.tier"?`, "the tenant's own fields are known")

		broken := errors.New("disk on fire")
		file := io.MultiReader(strings.NewReader(header+"1,Ada,,,,\n2,B"), iotest.ErrReader(broken))
		rep, err := transfer.Import(t.Context(), b.Customers.Import(), file, good(), opts)
		require.ErrorIs(t, err, broken)
		require.Equal(t, [2]int{1, 1}, [2]int{rep.Rows, rep.Created})
		require.Equal(t, []string{"Ada []"}, trimmed(b.names(t)), "whole rows stay, half a row is none")
		rep, err = transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(header+"1,Ada,,,,\n2,Bo,,,,\n"), good(), opts)
		require.NoError(t, err)
		require.Equal(t, [3]int{2, 1, 1}, [3]int{rep.Rows, rep.Created, rep.Unchanged}, "repeated, it goes on")
		require.Equal(t, []string{"Ada []", "Bo []"}, trimmed(b.names(t)))

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = transfer.Import(ctx, b.Customers.Import(), strings.NewReader(header+"7,Zoe,,,,\n"), good(), opts)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestKindsByColumn(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		m := transfer.Mapping{
			Entity: "customer", System: "shop",
			Columns: map[string]string{"ext": "id", "kind": "what", "name": "name", "given": "given"},
			Values:  map[string]map[string]string{"kind": {"Firma": "organization"}},
		}
		rep, err := transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(
			"id,what,name,given\n1,Firma,ACME,\n2,person,,Ada\n3,group,The Lovelaces,\n4,,X,\n5,robot,X,\n6,group,X,Ada\n7,Firma,,\n"), m, nil)
		require.NoError(t, err)
		require.Equal(t, [2]int{3, 4}, [2]int{rep.Created, len(rep.Faults)}, "%v", rep.Faults)
		require.Equal(t, []string{
			"line 5, what: must not be blank: want person, organization or group", "line 6, what: want one of person, organization, group",
			"line 7, given: only a person has one, this is a group", "line 8, name: must not be blank",
		}, lines(rep.Faults))
	})
}

// What a mapping for customers must say beside what every mapping must.
func TestMappingOfCustomers(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		change func(m *transfer.Mapping)
		want   string
	}{
		"good":             {func(*transfer.Mapping) {}, ""},
		"no kind":          {func(m *transfer.Mapping) { m.Kind = "" }, "kind: want person, organization or group, or a column for it"},
		"unknown kind":     {func(m *transfer.Mapping) { m.Kind = "company" }, "kind: want person, organization or group"},
		"kind twice":       {func(m *transfer.Mapping) { m.Columns["kind"] = "x" }, "kind: is given twice"},
		"kind by column":   {func(m *transfer.Mapping) { m.Kind, m.Columns["kind"] = "", "x" }, ""},
		"given of a group": {func(m *transfer.Mapping) { m.Kind = "group" }, "columns.given: only a person has given and family names: use name"},
		"history":          {func(m *transfer.Mapping) { m.History = true }, "history: customer has no history to import"},
		"customers":        {func(m *transfer.Mapping) { m.Customers = "x" }, "customers: customer names no customer"},
		"labels":           {func(m *transfer.Mapping) { m.Columns["phone."] = "x" }, "columns.phone.: is no field"},
		"label of a name":  {func(m *transfer.Mapping) { m.Columns["name.work"] = "x" }, "columns.name.work: is no field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			m := good()
			delete(m.Columns, "custom.tier")
			tt.change(&m)
			err := m.Validate(customer.ImportForms()[0])
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok && f.Code == fault.Invalid)
			var all []string
			for _, v := range f.Violations {
				all = append(all, v.Field+": "+v.Message)
			}
			require.Contains(t, strings.Join(all, "\n"), tt.want)
		})
	}
}

// Columns are known by the names that people give them.
func TestCustomersByHeader(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		m := transfer.Mapping{Entity: "customer", Kind: "person", System: "shop", ByHeader: true}
		text := "\ufeffExternal ID;First Name;Surname;E-Mail;Tax-ID;tier\r\n1;Ada;\"King; Countess\";ada@example.com;GB 1;gold\r\n"
		rep, err := transfer.Import(t.Context(), b.Customers.Import(), strings.NewReader(text), m, nil)
		require.NoError(t, err)
		require.Equal(t, 1, rep.Created, "%v", rep.Faults)
		require.Empty(t, rep.Unmapped)
		require.Equal(t, []string{"Ada King; Countess [:ada@example.com] gold"}, b.names(t))
	})
}
