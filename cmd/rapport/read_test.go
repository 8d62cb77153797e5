package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
)

const adaHidden = `id               ID
version          1
created_at       TIME
updated_at       TIME
created_by       rapport-cli
hidden           tax_id
kind             person
name             [name]
given            [name]
family           [name]
country          GB
lifecycle        potential
lifecycle_since  TIME
tax_id           [government]
points
  - id ID, channel email, value [contact], primary true, valid_from TIME, version 1
  - id ID, channel phone, value [contact], label work, primary true, valid_from TIME, version 1
`

func TestGet(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		out, _ := sh.run(0, "get", "customer", "shop/1")
		require.True(t, strings.HasPrefix(out, adaHidden), out)
		revealed := strings.NewReplacer("name             [name]", "name             Ada Lovelace", "given            [name]", "given            Ada",
			"family           [name]", "family           Lovelace", "email, value [contact]", "email, value ada@example.com",
			"phone, value [contact]", "phone, value +442079460018",
			"hidden           tax_id\n", "", "tax_id           [government]\n", "").Replace(adaHidden)
		out, _ = sh.run(0, "get", "customer", "shop/1", "--reveal")
		require.True(t, strings.HasPrefix(out, revealed), out)
		out, _ = sh.run(0, "get", "customer", "shop/1", "--reveal", "--as", "u-9:viewer@emea", "--purpose", "sales")
		require.Contains(t, out, "hidden           points, tax_id\n")
		require.NotContains(t, out, "ada@")

		var rec struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(sh.unmasked(0, "get", "customer", "shop/2", "--json")), &rec))
		require.Contains(t, sh.unmasked(0, "get", "customer", rec.ID, "--reveal", "--json"), `"name":"Charles Babbage"`)
		_, errs := sh.run(1, "get", "customer", "shop/3", "--json")
		require.Contains(t, errs, `{"error":{"code":"not_found","message":"customer: get by external id: not found: no such customer`)
		for want, args := range map[string][]string{
			"want an entity and an id": {"customer"},
			"is no entity":             {"contact", rec.ID},
			`"42" is no id`:            {"customer", "42"},
			`"/42": want SYSTEM/ID`:    {"customer", "/42"},
			"the kind lead has no external ids: want an id ": {"lead", "shop/42"},
		} {
			_, errs := sh.run(2, append([]string{"get"}, args...)...)
			require.Contains(t, errs, want)
		}
		for _, e := range []string{"opportunity", "case", "lead"} {
			_, errs := sh.run(1, "get", e, rec.ID)
			require.Contains(t, errs, "not found")
		}
	})
}

// A sensitive field is shown on demand to who may see it, and each showing leaves a record.
func TestGetASensitiveField(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.run(0, "migrate")
		sh.run(0, "import", sh.write("firms.csv", "No,Name,VAT\n1,ACME,DE 123\n"), "--mapping", sh.write("firms.json",
			`{"entity": "customer", "kind": "organization", "system": "erp", "columns": {"ext": "No", "name": "Name", "tax_id": "VAT"}}`))
		shown := "tax_id           DE 123\n"
		out, _ := sh.run(0, "get", "customer", "erp/1", "--reveal")
		require.Contains(t, out, shown)
		for _, args := range [][]string{{}, {"--reveal", "--purpose", "sales"}, {"--reveal", "--as", "u-9:viewer"}} {
			out, _ = sh.run(0, append([]string{"get", "customer", "erp/1"}, args...)...)
			require.NotContains(t, out, shown, args)
			require.Contains(t, out, "tax_id\n", args)
		}
		driver := map[bool]string{true: "sqlite", false: "pgx"}[strings.HasSuffix(sh.db, "crm.db")]
		db, err := sql.Open(driver, sh.db)
		require.NoError(t, err)
		defer db.Close()
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM crm_access").Scan(&n))
		require.Equal(t, 1, n)
	})
}

// Every kind of record is listed; what belongs to a customer is listed with that one.
func TestListEveryKind(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		out := sh.unmasked(0, "get", "customer", "shop/1", "--json")
		var rec struct{ ID string }
		require.NoError(t, json.Unmarshal([]byte(out), &rec))
		for _, name := range entityNames() {
			if name != customer.EntityCustomer && !strings.HasSuffix(name, ".KEY") {
				sh.run(map[bool]int{true: 1}[name == privacy.EntityConsent], "list", name)
			}
		}
		sh.run(0, "list", "consent", "--customer", rec.ID)
		_, errs := sh.run(1, "list", "claim", "--customer", rec.ID)
		require.Contains(t, errs, "belongs to no customer")
	})
}

// unmasked is run without replacing ids, of standard output alone.
func (sh *shell) unmasked(code int, args ...string) string {
	sh.t.Helper()
	var out, errs strings.Builder
	args = append(args[:len(args):len(args)], sh.base...)
	require.Equal(sh.t, code, runIn(sh.t.Context(), func(string) string { return "" }, args, &out, &errs), errs.String())
	return out.String()
}

func TestList(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		out, _ := sh.run(0, "list", "customer", "--sort", "-name", "--limit", "1", "--where", "kind == k", "--arg", "k=person", "--json", "--reveal")
		var p struct {
			Items []struct{ Name string }
			Next  string
		}
		require.NoError(t, json.Unmarshal([]byte(out), &p))
		require.Len(t, p.Items, 1)
		require.Equal(t, "Charles Babbage", p.Items[0].Name)
		again := []string{"list", "customer", "--sort", "-name", "--limit", "1", "--where", "kind == k", "--arg", "k=person", "--cursor", p.Next}
		out, _ = sh.run(0, again...)
		require.Contains(t, out, "ID  person  [name]  GB")
		require.Contains(t, out, "1 on this page, which is the last")
		out, _ = sh.run(0, "list", "customer", "--limit", "1")
		require.Contains(t, out, "\nmore: --cursor ")

		for want, args := range map[string][]string{
			"--limit: want 1 to 1000":                   {"customer", "--limit", "0"},
			"want one entity":                           {},
			`"custmer" is no entity; did you mean "cu`:  {"custmer"},
			"is no entity: want customer, relationship": {"contacts"},
			"want NAME=VALUE":                           {"customer", "--arg", "x"},
			"the name wants lower-case":                 {"customer", "--arg", "X=1"},
			"x is given twice":                          {"customer", "--arg", "x=1", "--arg", "x=2"},
			`"number" is no type`:                       {"customer", "--arg", "x:number=1"},
			"x is no date":                              {"customer", "--arg", "x:date=1"},
			"did you mean --where?":                     {"customer", "--wher", "x"},
		} {
			_, errs := sh.run(2, append([]string{"list"}, args...)...)
			require.Contains(t, errs, want)
			require.Contains(t, errs, `Try "rapport help list".`)
		}
		for want, args := range map[string][]string{
			`did you mean "kind"`: {"--where", `kindd == "person"`},
			"cursor":              {"--cursor", "xyz"},
			"sort":                {"--sort", "given"},
			"where":               {"--where", "kind =="},
		} {
			_, errs := sh.run(1, append([]string{"list", "customer"}, args...)...)
			require.Contains(t, errs, want)
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()

	for s, want := range map[string]string{
		"x=true": "bool", "x=12": "int64", "x=-1.50": "float64", "x=2026-03-02": "date.Date", "x=2026-03-02T09:00:00Z": "time.Time",
		"x=100.00 EUR": "money.Amount", "x=0190e6a2-7b1c-7def-8a34-0123456789ab": "ident.ID", "x=": "string", "x=a=b": "string",
		"x:text=12": "string", "x:texts=a,b": "[]string", "x=NaN": "string", "x=0x10": "string",
	} {
		args := map[string]any{}
		require.NoError(t, addArg(args, s))
		require.Equal(t, want, fmt.Sprintf("%T", args["x"]), s)
	}
}
