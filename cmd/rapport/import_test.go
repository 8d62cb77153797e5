package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/schema/custom"
)

func TestImportCustomers(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.run(0, "migrate")
		csv, mapping := sh.write("people.csv", people), sh.write("people.json", peopleMapping)
		out, _ := sh.run(0, "import", csv, "--mapping", mapping, "--dry-run")
		require.NoFileExists(t, sh.keys)
		require.Equal(t, "dry run, nothing was written: people.csv (customer)\n"+
			"  rows       2\n  created    2\n  updated    0\n  unchanged  0\n  rejected   0\n", out)
		sh.run(0, "import", csv, "--mapping", mapping)
		out, _ = sh.run(0, "import", csv, "--mapping", mapping, "--dry-run")
		require.Contains(t, out, "unchanged  2\n")
		more := sh.write("more.csv", people+"3,Mary,Somerville,x,\n1,Ada,King,,\n")
		out, _ = sh.run(1, "import", more, "--mapping", mapping)
		require.Equal(t, "imported more.csv (customer)\n"+
			"  rows       4\n  created    0\n  updated    0\n  unchanged  2\n  rejected   2\n"+
			"line 4, E-mail: is not an e-mail address: want name@domain\nline 5, No.: is the same as in line 2\n", out)
		out, _ = sh.run(0, "list", "customer", "--sort", "name", "--reveal")
		require.Equal(t, "id                                    kind    name             country  lifecycle  owner_user\n"+
			"ID  person  Ada Lovelace     GB       potential\nID  person  Charles Babbage  GB       potential\n\n"+
			"2 on this page, which is the last\n", out)
	})
}

func TestImportOpportunities(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		mapping := sh.write("deals.json", `{
			"entity": "opportunity", "system": "deals", "customers": "shop", "history": true, "currency": "EUR", "date": "DD.MM.YYYY",
			"columns": {"ext": "Deal", "customer": "Who", "name": "What", "amount": "Value", "stage": "State", "opened_on": "From", "closed_on": "To"},
			"values": {"stage": {"Closed won": "won", "Open": "prospecting"}}, "ignore": ["Note"]
		}`)
		deals := sh.write("deals.csv", "\ufeffDeal,Who,What,Value,State,From,To,Note\r\n"+
			"d1,1,Engine,1200.50,Closed won,01.02.2026,03.02.2026,\"two\r\nlines\"\r\n"+
			"d2,2,Table,,Open,05.02.2026,,\r\n"+ // line 4
			"d3,9,Chair,,Open,,,\r\nd4,,Chair,,Open,,,\r\nd5,2,Chair,\"1.200,50\",Open,,,\r\nd6,2,Chair,,Lost in space,,,\r\nd2,2,Table,,Open,,,\r\nd7,2,Chair,,Open,2026-02-05,,\r\n")
		out, _ := sh.run(1, "import", deals, "--mapping", mapping, "--json")
		var rep imported
		require.NoError(t, json.Unmarshal([]byte(out), &rep))
		require.Equal(t, [5]int{8, 2, 0, 0, 6}, [5]int{rep.Rows, rep.Created, rep.Updated, rep.Unchanged, rep.Rejected})
		require.Empty(t, rep.Unmapped)
		var faults []string
		for _, f := range rep.Faults {
			faults = append(faults, fmt.Sprintf("line %d, %s: %s", f.Line, f.Field, f.Message))
		}
		require.Equal(t, []string{
			`line 5, Who: no customer has this id in system "shop": import the customer first`,
			`line 6, Who: must not be blank`,
			`line 7, Value: want an amount in "EUR", such as 1200.50, with no more decimals than it has`,
			`line 8, State: pipeline standard version 1 has no such stage: want one of ["prospecting" "qualification" "proposal" "negotiation" "won" "lost"]`,
			`line 9, Deal: is the same as in line 4`,
			`line 10, From: want a date like 31.12.2026`,
		}, faults)
		out, _ = sh.run(0, "list", "opportunity", "--where", "amount >= least", "--arg", "least=1000.00 EUR", "--reveal")
		require.Contains(t, out, "ID  Engine  won    1200.50 EUR              ID\n")
		require.NotContains(t, out, "Table")
		out, _ = sh.run(0, "get", "opportunity", "deals/d1", "--json")
		require.Contains(t, out, `"closed_on":"2026-02-03"`)

		out, _ = sh.run(0, "import", sh.write("deals.csv", "Deal,Who,What,Value,State,From,To,Note\nd1,1,Engine,1200.50,Closed won,01.02.2026,03.02.2026,\nd2,2,Desk,,Open,05.02.2026,,\n"), "--mapping", mapping)
		require.Contains(t, out, "  created    0\n  updated    1\n  unchanged  1\n  rejected   0\n")
	})
}

func TestImportRefused(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.run(0, "migrate")
		csv, mapping := sh.write("people.csv", people), sh.write("people.json", peopleMapping)
		for name, tt := range map[string]struct {
			code int
			args []string
			want string
		}{
			"no file":          {2, []string{"--mapping", mapping}, "want one file, have 0 arguments"},
			"two files":        {2, []string{csv, csv, "--mapping", mapping}, "want one file, have 2 arguments"},
			"no mapping":       {2, []string{csv}, "--mapping must name the mapping file"},
			"absent mapping":   {1, []string{csv, "--mapping", sh.path("absent.json")}, "cannot read the mapping"},
			"absent file":      {1, []string{sh.path("absent.csv"), "--mapping", mapping}, "cannot read the file"},
			"a folder":         {1, []string{sh.dir, "--mapping", mapping}, "is a directory"},
			"mapping is CSV":   {1, []string{csv, "--mapping", csv}, "the mapping is not JSON: line 1"},
			"CSV is JSON":      {1, []string{mapping, "--mapping", mapping}, `the file has no column "E-mail"`},
			"unknown entity":   {1, []string{csv, "--mapping", sh.write("e.json", `{"entity": "contact"}`)}, `want one of customer, object.KEY, lead, opportunity, case, have "contact"`},
			"unknown member":   {1, []string{csv, "--mapping", sh.write("m.json", `{"entty": "customer"}`)}, `did you mean "entity"?`},
			"unknown field":    {1, []string{csv, "--mapping", sh.write("f.json", `{"entity": "customer", "kind": "person", "system": "s", "columns": {"ext": "No.", "gven": "x"}}`)}, `did you mean "given"?`},
			"unknown column":   {1, []string{csv, "--mapping", sh.write("c.json", `{"entity": "customer", "kind": "person", "system": "s", "columns": {"ext": "no."}}`)}, `did you mean "No."?`},
			"no customer":      {1, []string{csv, "--mapping", sh.write("o.json", `{"entity": "opportunity", "system": "s", "columns": {"ext": "No."}}`)}, "columns.customer: must be filled"},
			"a denied actor":   {1, []string{csv, "--mapping", mapping, "--as", "u-1:viewer"}, "denied"},
			"an unknown actor": {2, []string{csv, "--mapping", mapping, "--as", ""}, "--as: the user's id must not be empty"},
		} {
			_, errs := sh.run(tt.code, append([]string{"import"}, tt.args...)...)
			require.Contains(t, errs, tt.want, name)
		}
		out, _ := sh.run(0, "list", "customer", "--json")
		require.JSONEq(t, `{"items": []}`, out, "nothing was written")
	})
}

// An import makes a SQLite database, but never new keys for one that has lost its own.
func TestImportAndKeys(t *testing.T) {
	t.Parallel()

	sh := sqliteShell(t)
	csv, mapping := sh.write("people.csv", people), sh.write("people.json", peopleMapping)
	_, errs := sh.run(1, "import", csv, "--mapping", mapping, "--dry-run")
	require.Contains(t, errs, "there is no database crm.db")
	require.NoFileExists(t, sh.db)
	_, errs = sh.run(0, "import", csv, "--mapping", mapping)
	require.Contains(t, errs, "made crm.db; its keys are in crm.db.keys")
	require.NoError(t, os.Rename(sh.keys, sh.path("away")))
	_, errs = sh.run(1, "import", csv, "--mapping", mapping, "--dry-run")
	require.Contains(t, errs, "the key file crm.db.keys is not there, but")
	_, errs = sh.run(1, "import", csv, "--mapping", mapping)
	require.Contains(t, errs, "the key file crm.db.keys is not there, but the database has customers")
	_, errs = sh.run(1, "get", "customer", "shop/1")
	require.Contains(t, errs, "the key file crm.db.keys is not there")
	require.NoFileExists(t, sh.keys)
	out, _ := sh.run(0, "get", "customer", "shop/1", "--reveal", "--keys", sh.path("away"))
	require.Contains(t, out, "ada@example.com")
}

// Leads, cases and customers come from either form of file, with a mapping or by the names of their columns.
func TestImportOfEveryKind(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		people := sh.write("more.jsonl", `{"ext":9,"given":"Mary","kind":"person","email":null}`+"\n"+`{"ext":10,"given":["a"],"kind":"robot"}`+"\n")
		out, _ := sh.run(1, "import", "customer", people, "--system", "shop")
		require.Contains(t, out, "  created    1\n  updated    0\n  unchanged  0\n  rejected   1\nline 2, kind: want one of person, organization, group\n")
		leads := sh.write("leads.csv", "Customer;Origin;Score;Remarks\nshop/1;fair;7;x\nshop/9;web;x;\n")
		out, _ = sh.run(1, "import", "lead", leads, "--without-ids")
		require.Contains(t, out, "columns not imported: [\"Remarks\"]\nline 3, Score: want a whole number\n")
		cases := sh.write("cases.NDJSON", "{\"who\":\"9\",\"what\":\"broken\",\"how\":\"urgent\"}\n{\"who\":\"9\"}\n")
		mapping := sh.write("cases.json", `{"entity": "case", "system": "shop", "without_ids": true, "columns": {"customer": "who", "subject": "what", "priority": "how"}}`)
		out, _ = sh.run(1, "import", cases, "--mapping", mapping, "--dry-run")
		require.Contains(t, out, "dry run, nothing was written: cases.NDJSON (case)\n  rows       2\n  created    1\n")
		out, _ = sh.run(1, "import", cases, "--mapping", mapping, "--json")
		require.Contains(t, out, `"faults":[{"line":2,"field":"what","message":"must not be blank`)
		out, _ = sh.run(0, "list", "case", "--reveal")
		require.Contains(t, out, "ID  request  urgent    new    broken   ID\n")
		out, _ = sh.run(0, "list", "lead")
		require.Contains(t, out, "fair")
	})
}

// A kind that the tenant has defined is imported, listed and printed by its name.
func TestObjects(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, sh *shell) {
		sh.filled()
		c := &call{options: options{db: sh.db, keys: sh.keys, tenant: defaultTenant, as: defaultActor, purpose: defaultPurpose}, getenv: func(string) string { return "" }}
		o, err := c.open(t.Context(), write)
		require.NoError(t, err)
		_, err = o.s.Schema.DefineObject(t.Context(), custom.Object{Key: "boat"})
		require.NoError(t, err)
		_, err = o.s.Schema.Define(t.Context(), schema.Definition{Entity: "object.boat", Key: "length", Type: rule.TypeFloat, Class: personal.None})
		require.NoError(t, err)
		require.NoError(t, o.Close(t.Context()))

		fleet := sh.write("boats.csv", "Customer,Name,length\nshop/1,Sea Ghost,11.5\n,Sea Gull,7\n,,9\n")
		out, _ := sh.run(1, "import", "object.boat", fleet, "--without-ids")
		require.Contains(t, out, "imported boats.csv (object.boat)\n  rows       3\n  created    2\n")
		require.Contains(t, out, "line 4, Name: must not be blank")
		out, _ = sh.run(0, "list", "object.boat", "--where", "custom.length > 10.0")
		require.NotContains(t, out, "Ghost")
		out, _ = sh.run(0, "list", "object.boat", "--where", "custom.length > 10.0", "--reveal")
		require.Contains(t, out, "ID  Sea Ghost  ID")
		require.NotContains(t, out, "Gull")
		_, errs := sh.run(1, "list", "object.car")
		require.Contains(t, errs, "the tenant has no object")
		_, errs = sh.run(2, "list", "object")
		require.Contains(t, errs, `"object" is no entity`)
		_, errs = sh.run(2, "import", "object", fleet)
		require.Contains(t, errs, "object.KEY")
	})
}
