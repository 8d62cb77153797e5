// Package pluginserve runs an extension as a process of its own. It is the whole main of a plugin:
//
//	func main() { pluginserve.Serve(vertical.Extension()) }
//
// A program that carries its plugin inside itself starts itself again as the plugin and asks [Started] first:
//
//	if pluginserve.Started() {
//		pluginserve.Serve(vertical.Extension())
//		return
//	}
//
// The process serves until its host tells it to stop or goes away; it never outlives the host's connection.
//
// Start with [Serve].
package pluginserve
