// Command exhibition-plugin runs the exhibition extension as a plugin process. A host starts it; started by hand it
// says so and exits.
package main

import (
	"github.com/rapport-crm/rapport/examples/exhibition/vertical"
	"github.com/rapport-crm/rapport/plugin/pluginserve"
)

func main() { pluginserve.Serve(vertical.Extension()) }
