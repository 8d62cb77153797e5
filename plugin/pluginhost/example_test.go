package pluginhost_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
)

// A program that carries its plugin inside itself starts itself again. The checksum taken here shows that the file
// does not change while the program runs; where it came from, only a checksum from elsewhere can tell.
func ExampleOpen() {
	ctx := context.Background()
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	sum, err := pluginhost.Checksum(self)
	if err != nil {
		log.Fatal(err)
	}
	p, err := pluginhost.Open(ctx, pluginhost.Config{
		Command: []string{self, "serve"}, SHA256: sum, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Stop(ctx)
	fmt.Println(p.Manifest().ID, p.State(), p.PID() != os.Getpid(), p.Restarts())

	_, err = pluginhost.Open(ctx, pluginhost.Config{Command: []string{self, "serve"}, SHA256: "00" + sum[2:]})
	fmt.Println(fault.CodeOf(err))
	// Output:
	// com.example.probe ready true 0
	// denied
}
