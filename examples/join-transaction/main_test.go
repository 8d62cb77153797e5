package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

const want = `
Before anybody signs up:
  host: users 0, companies 0; CRM: customers 0, consents 0

Ada signs up, with her company and a yes to the newsletter, in one transaction:
  host: users 1, companies 1; CRM: customers 2, consents 1

Charles signs up, but his card is declined in the last step. The host rolls back, and nothing is left of him:
  host: users 1, companies 1; CRM: customers 2, consents 1

Charles tries another card. His company is a customer already, so creating it is refused as a duplicate, in the
middle of the transaction. It goes on all the same, and his sign-up is saved:
  host: users 2, companies 1; CRM: customers 3, consents 1
`

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

func TestStory(t *testing.T) {
	t.Parallel()

	for name, dsn := range map[string]func(t *testing.T) string{
		"sqlite":   func(*testing.T) string { return "" },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t).Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			h, err := open(t.Context(), dsn(t), false)
			require.NoError(t, err)
			var out bytes.Buffer
			require.NoError(t, tell(t.Context(), &out, h))
			require.NoError(t, h.close(t.Context()))
			first, rest, _ := bytes.Cut(out.Bytes(), []byte("\n"))
			require.Contains(t, string(first), map[string]string{"sqlite": "SQLite", "postgres": "PostgreSQL"}[name])
			require.Equal(t, want, string(rest))
		})
	}
}
