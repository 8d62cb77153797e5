package transfer_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/transfer"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/privacy"
)

func ExampleImport() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	s := c.As(ident.System("acme", "import"), privacy.Operations)
	m, err := transfer.ParseMapping([]byte(`{
		"entity": "customer", "kind": "person", "system": "shop",
		"columns": {"ext": "No.", "given": "First name", "email": "E-mail"}
	}`))
	if err != nil {
		log.Fatal(err)
	}
	file := "No.,First name,E-mail\n1,Ada,ada@example.com\n2,Charles,charles\n3,Mary\n"
	for range 2 {
		rep, err := transfer.Import(ctx, s.Customers.Import(), strings.NewReader(file), m, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(rep.Rows, "rows:", rep.Created, "created,", rep.Unchanged, "unchanged,", len(rep.Faults), "rejected")
		for _, f := range rep.Faults {
			fmt.Println(" ", f)
		}
	}
	if err := c.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 3 rows: 1 created, 0 unchanged, 2 rejected
	//   line 3, E-mail: is not an e-mail address: want name@domain
	//   line 4, E-mail: is missing: the row has 2 fields, the header has 3
	// 3 rows: 0 created, 1 unchanged, 2 rejected
	//   line 3, E-mail: is not an e-mail address: want name@domain
	//   line 4, E-mail: is missing: the row has 2 fields, the header has 3
}

func ExampleNewReader() {
	rd, err := transfer.NewReader(strings.NewReader("name;city\nAda;London\nBo;\"Pa\"ris\nCy;Oslo\n"), transfer.Format{Delimiter: ';'})
	if err != nil {
		log.Fatal(err)
	}
	for row, err := range rd.Rows() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(row.Line, row.Get("name"), row.Faults())
	}
	// Output:
	// 2 Ada []
	// 3 Bo [{city goes on after its closing quote: write a quote inside a quoted field twice}]
	// 4 Cy []
}
