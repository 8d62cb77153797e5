package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm"
)

// FromPool returns the CRM over the host's pool, which stays the host's to close. It migrates nothing: call
// [Migrate] where you run your own migrations. cfg needs a KMS.
//
// Errors: Invalid naming the field of cfg; Unavailable when the database does not answer.
func FromPool(ctx context.Context, pool *pgxpool.Pool, cfg *crm.Config) (*crm.CRM, error) {
	if pool == nil {
		return nil, fault.At("postgres: from pool", fault.Field("pool", "a pool must be given"))
	}
	db := OpenDB(pool)
	c, err := crm.NewPools(ctx, crm.Pools{Write: db, Read: db, Close: db.Close}, Dialect, cfg)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return c, nil
}

// Migrate installs modules in the pool's database and brings them up to this version; see [crm.Migrate].
func Migrate(ctx context.Context, pool *pgxpool.Pool, modules ...crm.Module) error {
	if pool == nil {
		return fault.At("postgres: migrate", fault.Field("pool", "a pool must be given"))
	}
	db := OpenDB(pool)
	return errors.Join(crm.Migrate(ctx, db, Dialect, modules...), db.Close())
}

// Join runs fn with the session inside the host's transaction, which the host ends. Every statement of the session
// runs on tx, each write inside a savepoint, so an error leaves tx usable. The session must not be used after fn has
// returned. No goroutine is left behind.
func Join(ctx context.Context, s *crm.Session, tx pgx.Tx, fn func(ctx context.Context, s *crm.Session) error) error {
	if s == nil {
		return fault.At("postgres: join", fault.Field("s", "a session must be given"))
	}
	return s.JoinTx(ctx, tx, fn)
}
