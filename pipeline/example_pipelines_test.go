package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/crm/sqlite"
	"github.com/rapport-crm/rapport/pipeline"
	"github.com/rapport-crm/rapport/privacy"
)

// An administrator defines a pipeline. A gate that does not compile is refused before anyone sells with it, and each change
// makes a version: opportunities stay in the one they were created under.
func ExamplePipelines() {
	ctx := context.Background()
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close(ctx)
	s := c.As(ident.User("acme", "u-1", "admin"), privacy.Sales)

	hardware := func(gate string) pipeline.Definition {
		return pipeline.Definition{Key: "hardware", Stages: []pipeline.Stage{
			{Key: "demo", Probability: 2000},
			{Key: "offer", Probability: 6000, Entry: []pipeline.Gate{{ID: "dated", Expr: gate, Message: "When will it close?"}}},
			{Key: "sold", Category: pipeline.Won, Probability: pipeline.Full},
			{Key: "lost", Category: pipeline.Lost},
		}}
	}
	_, err = s.Pipelines.Define(ctx, hardware("close_dat != null"))
	if f, ok := errors.AsType[*fault.Error](err); ok {
		fmt.Println(f.Violations[0].Field, f.Violations[0].Message)
	}
	for _, gate := range []string{"close_date != null", "close_date != null", `close_date != null && product != ""`} {
		p, err := s.Pipelines.Define(ctx, hardware(gate))
		fmt.Println(p.Key, p.Version, err)
	}
	// Output:
	// stages[1].entry[0].expr there is no field or argument "close_dat": did you mean "close_date"? (at 0: write close_date)
	// hardware 1 <nil>
	// hardware 1 <nil>
	// hardware 2 <nil>
}
