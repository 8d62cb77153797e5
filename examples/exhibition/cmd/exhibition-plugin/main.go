package main

import (
	"github.com/rapport-crm/rapport/examples/exhibition/vertical"
	"github.com/rapport-crm/rapport/plugin/pluginserve"
)

func main() { pluginserve.Serve(vertical.Extension()) }
