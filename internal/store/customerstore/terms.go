package customerstore

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/rapport-crm/rapport/customer/names"
)

// tenantTerm is the token that every document and every query of a tenant carries, so that an index over all tenants
// narrows to one of them.
func tenantTerm(tenant string) string {
	sum := sha256.Sum256([]byte(tenant))
	return "t" + hex.EncodeToString(sum[:10])
}

// document joins the tokens of one customer: as a tsvector's text on PostgreSQL, as plain words for FTS5 on SQLite.
// Tokens are letters and digits, so nothing needs escaping.
func document(sqlite bool, tenant string, terms []string) string {
	quote := "'"
	if sqlite {
		quote = ""
	}
	var b strings.Builder
	b.WriteString(quote + tenant + quote)
	for _, t := range terms {
		b.WriteByte(' ')
		b.WriteString(quote)
		b.WriteString(t)
		b.WriteString(quote)
	}
	return b.String()
}

// query writes a search in the language of either database.
func query(sqlite bool, tenant string, q names.Query) string {
	quote, and, prefix := "'", " & ", ":*"
	if sqlite {
		quote, and, prefix = `"`, " AND ", "*"
	}
	parts := []string{quote + tenant + quote}
	for _, w := range q.Words {
		parts = append(parts, quote+w+quote)
	}
	if q.Prefix != "" {
		parts = append(parts, quote+q.Prefix+quote+prefix)
	}
	return strings.Join(parts, and)
}
