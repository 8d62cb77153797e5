package vertical_test

import (
	"fmt"

	"github.com/rapport-crm/rapport/examples/exhibition/vertical"
)

// The manifest says all that the extension may see and do.
func ExampleExtension() {
	m := vertical.Extension().Manifest()
	fmt.Println(m.Name(), m.Version)
	for _, a := range m.Actions {
		fmt.Println("does", a.Name, "for", a.Purpose)
	}
	for _, g := range m.Reads {
		fmt.Println("reads", g.Entity, g.Fields, "for", g.Purpose)
	}
	// Output:
	// Exhibitions 0.1.0
	// does exh__sell_booth for sales
	// reads customer [] for sales
}
