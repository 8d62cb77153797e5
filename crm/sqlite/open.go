package sqlite

import (
	"context"
	"errors"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// KeysSuffix is added to the database's path to name its key file.
const KeysSuffix = ".keys"

// Open opens the CRM in a file, making the file when it is not there, and installs cfg.Modules. The path [Memory] keeps
// everything in memory, for tests and examples.
//
// A nil cfg, or one without a KMS, keeps the tenant keys in a file beside the database, named path + ".keys" and
// readable by the owner only. Whoever has both files can read every sealed value: back them up apart. In memory the
// keys are in memory too.
//
// [crm.CRM.Close] closes the database.
func Open(ctx context.Context, path string, cfg *crm.Config) (*crm.CRM, error) {
	var full crm.Config
	if cfg != nil {
		full = *cfg
	}
	if _, _, err := Connectors(path); err != nil {
		return nil, fault.At("sqlite: open", err)
	}
	if err := withKeys(&full, path); err != nil {
		return nil, fault.At("sqlite: open", err)
	}
	write, read, err := OpenPools(ctx, path)
	if err != nil {
		return nil, fault.At("sqlite: open", err)
	}
	closePools := func() error { return errors.Join(read.Close(), write.Close()) }
	if err := crm.Migrate(ctx, write, Dialect, full.Modules...); err != nil {
		return nil, errors.Join(err, closePools())
	}
	c, err := crm.NewPools(ctx, crm.Pools{Write: write, Read: read, Close: closePools}, Dialect, &full)
	if err != nil {
		return nil, errors.Join(err, closePools())
	}
	return c, nil
}

func withKeys(cfg *crm.Config, path string) (err error) {
	switch {
	case cfg.KMS != nil:
	case path == Memory:
		cfg.KMS = keys.NewMemory()
	default:
		cfg.KMS, err = keys.OpenFile(path + KeysSuffix)
	}
	return err
}
