package cel_test

import (
	"database/sql"
	"os"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// postgres keeps money's minor units, dates and times in the server's own types, as the product does.
func postgres(t *testing.T) *database {
	t.Helper()
	db, err := sql.Open("pgx", dbtest.Postgres(t).Database(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &database{
		name: "postgres", db: db,
		types: map[rule.Type]string{
			rule.TypeBool: "boolean", rule.TypeInt: "bigint", rule.TypeFloat: "double precision", rule.TypeText: `text COLLATE "C"`,
			rule.TypeDate: "date", rule.TypeTime: "timestamptz", rule.TypeMoney: "bigint", rule.TypeID: "uuid", rule.TypeTexts: "jsonb",
		},
		arg: func(v any) any {
			switch x := v.(type) {
			case date.Date:
				return x.String()
			case ident.ID:
				return x.String()
			}
			return v
		},
		textTest: func(test, expr, arg string) string {
			switch test {
			case "starts":
				return "starts_with(" + expr + ", " + arg + ")"
			case "ends":
				return "right(" + expr + ", length(" + arg + ")) = " + arg
			}
			return "strpos(" + expr + ", " + arg + ") > 0"
		},
		element: func(expr, arg string) string { return expr + " ? " + arg },
	}
}
