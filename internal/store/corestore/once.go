package corestore

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/internal/store"
)

var (
	reserveOnce = store.Same("corestore.reserve_once", `
		INSERT INTO crm_once (tenant_id, key, op, digest) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, key) DO NOTHING`)

	getOnce = store.Same("corestore.get_once", `
		SELECT op, digest, entity, record_id FROM crm_once WHERE tenant_id = $1 AND key = $2`)

	keepOnce = store.Same("corestore.keep_once", `
		UPDATE crm_once SET op = $3, digest = $4, entity = $5, record_id = $6, at = $7 WHERE tenant_id = $1 AND key = $2`)
)

type onceRow struct {
	Op       string   `bun:"op"`
	Digest   []byte   `bun:"digest"`
	Entity   string   `bun:"entity"`
	RecordID store.ID `bun:"record_id"`
}

// Recall implements [work.Recorder]. It reserves an unknown key with a row of its own, for which a second writer of
// the key has to wait; when the first one fails, the row goes with its savepoint.
func (s *Store) Recall(ctx context.Context, u work.Unit, tenant, key, op string, digest []byte) (ident.Ref, bool, error) {
	conn := s.db.On(u)
	n, err := conn.Exec(ctx, reserveOnce, tenant, key, op, digest)
	if err != nil || n > 0 {
		return ident.Ref{}, false, err
	}
	var row onceRow
	if err := conn.Get(ctx, getOnce, &row, tenant, key); err != nil {
		return ident.Ref{}, false, err
	}
	if row.Op != op || !bytes.Equal(row.Digest, digest) {
		f := fault.New(fault.Conflict, "the idempotency key was used for another operation or other arguments: choose a new key")
		f.Reason = "once"
		return ident.Ref{}, false, f
	}
	ref := ident.Ref{Entity: row.Entity, ID: ident.ID(row.RecordID)}
	return ref, !ref.ID.IsZero(), nil
}

// Remember implements [work.Recorder].
func (s *Store) Remember(_ context.Context, u work.Unit, tenant, key, op string, digest []byte, result ident.Ref, at time.Time) error {
	return s.db.On(u).Queue(keepOnce, nil, tenant, key, op, digest, result.Entity, result.ID, at)
}

// Digest implements [work.Recorder]: HMAC-SHA-256 over the arguments in clear and their types.
func (s *Store) Digest(ctx context.Context, tenant string, args any) ([]byte, error) {
	key, err := s.derive(ctx, tenant, "once")
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key[:])
	if err := writeArgs(mac, args); err != nil {
		f := fault.New(fault.Invalid, "an argument has a value that cannot be compared, such as a time outside the years 0 to 9999: %w", store.Cause("encoding failed", err))
		f.Field, f.Reason = "once", work.ReasonIncomparable
		return nil, f
	}
	return mac.Sum(nil), nil
}

func writeArgs(mac interface{ Write([]byte) (int, error) }, args any) error {
	list, ok := args.([]any)
	if !ok {
		list = []any{args}
	}
	for _, a := range list {
		b, err := json.Marshal(personal.Comparable(a))
		if err != nil {
			return err
		}
		fmt.Fprintf(mac, "%T\x00%d\x00", a, len(b)) // a hash never fails
		if _, err := mac.Write(b); err != nil {
			return err
		}
	}
	return nil
}
