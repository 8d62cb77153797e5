package script

import (
	"os"
	"testing"

	"github.com/rapport-crm/rapport/internal/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }
