package work

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/schema"
)

// queryDigest names a query, so that a cursor of one list is not taken for another.
func (c *Call) queryDigest(subjects []ident.ID, filter rule.Predicate, q page.Query) (d [16]byte, err error) {
	args, err := json.Marshal(q.Where.Args)
	if err != nil {
		return d, fault.Field("where.args", "cannot be encoded: %v", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s",
		c.Entity.Name, subjects, q.Search, q.Sort, filter, q.Where.Expr, args))
	copy(d[:], sum[:])
	return d, nil
}

func (c *Call) cursor(ctx context.Context, digest [16]byte, key rule.Value, rec any) (string, error) {
	agg, ok := rec.(schema.Aggregate)
	if !ok {
		return "", fault.New(fault.Internal, "%T embeds no schema.Meta", rec)
	}
	b, err := key.MarshalBinary()
	if err != nil {
		return "", err
	}
	return c.Engine.Cursors.Seal(ctx, c.Tenant(), page.Position{Query: digest, Blank: key.IsBlank(), Key: b, ID: agg.Base().ID})
}
