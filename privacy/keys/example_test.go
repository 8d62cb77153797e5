package keys_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/privacy/keys"
)

func ExampleOpenFile() {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "crm.db.keys")

	kms, err := keys.OpenFile(path)
	if err != nil {
		log.Fatal(err)
	}
	secret, err := kms.Secret(context.Background(), "acme", keys.UseWrap, 0)
	fmt.Println(secret, secret.Epoch, err)

	if err := os.Chmod(path, 0o644); err != nil {
		log.Fatal(err)
	}
	_, err = keys.OpenFile(path)
	fmt.Println(errors.Is(err, fault.ErrInvalid))
	// Output:
	// [secret] 1 <nil>
	// true
}
