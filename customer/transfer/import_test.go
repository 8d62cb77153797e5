package transfer_test

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
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/transfer"
	"github.com/rapport-crm/rapport/internal/dbtest"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// bundle is a CRM with a custom field, and a session of an importer.
type bundle struct {
	*crm.Session
	fields []schema.Field
}

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
		fields, err := s.Schema.Fields(t.Context(), customer.EntityCustomer)
		require.NoError(t, err)
		fn(t, bundle{s, fields})
	})
}

// load imports a text; inTx says whether each batch has a transaction of its own.
func (b bundle) load(t *testing.T, text string, batch int, inTx bool) transfer.Report {
	t.Helper()
	opts := &transfer.Options{Fields: b.fields, Batch: batch}
	if inTx {
		opts.InTx = func(ctx context.Context, fn func(context.Context, customer.Customers) error) error {
			return b.InTx(ctx, func(ctx context.Context, s *crm.Session) error { return fn(ctx, s.Customers) })
		}
	}
	rep, err := transfer.Customers(t.Context(), b.Customers, strings.NewReader(text), good(), opts)
	require.NoError(t, err)
	require.Equal(t, rep.Rows, rep.Created+rep.Updated+rep.Unchanged+rep.Rejected, "each row is counted once")
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
			"row 5, E-mail: is not an e-mail address: want name@domain", "row 5, Phone: is not a telephone number",
			"row 6, No.: is the same as in row 2", "row 7, Tier: want one of gold, silver", "row 8, No.: must not be blank",
			"row 9, E-mail: is missing: the row has 2 fields, the header has 6", "row 10, First name: is not valid UTF-8", "row 11, First name: holds a NUL byte",
			"row 12, First name: must have at most 120 characters",
		}
		rep := b.load(t, text, 3, true)
		require.Len(t, rep.Faults, len(want), "%v", rep.Faults)
		for i, f := range rep.Faults {
			require.True(t, strings.HasPrefix(f.String(), want[i]), "%s, want %s", f, want[i])
		}
		rep.Faults = nil
		require.Equal(t, transfer.Report{Rows: 11, Created: 3, Rejected: 8, Blank: 1, Unmapped: []string{"Remarks"}}, rep)
		require.Equal(t, []string{"Ada [:ada@example.com work:+4930901820] gold", "Bo []", "Ian [] silver"}, trimmed(b.names(t)))
	})
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
			rep, err := transfer.Customers(t.Context(), b.Customers, strings.NewReader(file), m, nil)
			require.NoError(t, err)
			require.Equal(t, 1, rep.Created)
			require.Equal(t, "[row 3, VAT: must have at most 60 characters, has 61]", fmt.Sprint(rep.Faults))
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
				require.Equal(t, [4]int{1, 1, 1, 0}, [4]int{again.Created, again.Updated, again.Unchanged, again.Rejected}, "%v", again.Faults)
				require.Equal(t, []string{"Ada [:ada@example.com] gold", "Bob []", "Cy []"}, trimmed(b.names(t)))

				// What an update refuses is a fault of the right column, and the others go on.
				bad := b.load(t, header+"1,Ada,ada@example.com,12,,\n2,Bo,,,,\n", 0, inTx)
				require.Equal(t, [4]int{0, 1, 0, 1}, [4]int{bad.Created, bad.Updated, bad.Unchanged, bad.Rejected})
				require.Len(t, bad.Faults, 1)
				require.Equal(t, "Phone", bad.Faults[0].Field)
				require.Equal(t, 2, bad.Faults[0].Row)
			})
		})
	}
}

func TestC14Rehearsal(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		back := errors.New("take it back")
		opts := &transfer.Options{Fields: b.fields, Batch: 2, InTx: func(ctx context.Context, fn func(context.Context, customer.Customers) error) error {
			err := b.InTx(ctx, func(ctx context.Context, s *crm.Session) error {
				return errors.Join(fn(ctx, s.Customers), back)
			})
			if errors.Is(err, back) {
				return nil
			}
			return err
		}}
		var seen []int
		opts.Progress = func(r transfer.Report) { seen = append(seen, r.Rows) }
		rep, err := transfer.Customers(t.Context(), b.Customers, strings.NewReader(header+"1,Ada,,,,\n2,Bo,x,,,\n3,Cy,,,,\n"), good(), opts)
		require.NoError(t, err)
		require.Equal(t, [3]int{3, 2, 1}, [3]int{rep.Rows, rep.Created, rep.Rejected})
		require.Equal(t, []int{2, 3}, seen)
		require.Empty(t, b.names(t))
	})
}

func TestImportStops(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, b bundle) {
		opts := &transfer.Options{Fields: b.fields}
		_, err := transfer.Customers(t.Context(), b.Customers, strings.NewReader("x\n1\n"), good(), opts)
		require.ErrorIs(t, err, fault.ErrInvalid, "no such columns")
		_, err = transfer.Customers(t.Context(), b.Customers, strings.NewReader(header), good(), &transfer.Options{Batch: -1})
		require.ErrorContains(t, err, "batch")
		_, err = transfer.Customers(t.Context(), b.Customers, strings.NewReader(header), good(), nil)
		require.ErrorContains(t, err, "custom.tier", "custom fields must be given")

		broken := errors.New("disk on fire")
		file := io.MultiReader(strings.NewReader(header+"1,Ada,,,,\n2,B"), iotest.ErrReader(broken))
		rep, err := transfer.Customers(t.Context(), b.Customers, file, good(), opts)
		require.ErrorIs(t, err, broken)
		require.Equal(t, [2]int{1, 1}, [2]int{rep.Rows, rep.Created})
		require.Equal(t, []string{"Ada []"}, trimmed(b.names(t)), "whole rows stay, half a row is none")

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = transfer.Customers(ctx, b.Customers, strings.NewReader(header+"7,Zoe,,,,\n"), good(), opts)
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
		rep, err := transfer.Customers(t.Context(), b.Customers, strings.NewReader(
			"id,what,name,given\n1,Firma,ACME,\n2,person,,Ada\n3,group,The Lovelaces,\n4,,X,\n5,robot,X,\n6,group,X,Ada\n7,Firma,,\n"), m, nil)
		require.NoError(t, err)
		require.Equal(t, [2]int{3, 4}, [2]int{rep.Created, rep.Rejected}, "%v", rep.Faults)
		var got []string
		for _, f := range rep.Faults {
			got = append(got, f.String())
		}
		require.Equal(t, []string{
			"row 5, what: must not be blank: want person, organization or group", "row 6, what: want one of person, organization, group",
			"row 7, given: only a person has one, this is a group", "row 8, name: must not be blank",
		}, got)
	})
}
