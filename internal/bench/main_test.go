package bench

import (
	"fmt"
	"os"
	"testing"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

// peersDir is where the tests put the compiled peers.
var peersDir string

func TestMain(m *testing.M) {
	var err error
	if peersDir, err = os.MkdirTemp("", "rapport-peers"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := dbtest.Main(m)
	_ = os.RemoveAll(peersDir)
	os.Exit(code)
}
