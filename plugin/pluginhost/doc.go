// Package pluginhost runs plugins as processes of their own and keeps them running.
//
//	p, err := pluginhost.Open(ctx, pluginhost.Config{
//		Command: []string{"/opt/plugins/exhibition"},
//		SHA256:  "9f86d081884c7d65…",
//	})
//	defer p.Stop(ctx)
//	c, err := crm.New(ctx, db, postgres.Dialect, &crm.Config{Extensions: []plugin.Extension{p}})
//
// The executable is verified before every start and, on Linux, the verified file itself is executed. The process gets
// a private directory, no standard input, and only the environment it is given; the wire is gRPC under mutual TLS
// with certificates made anew for each start. A process that dies or stops answering is killed with all its children
// and started again with growing pauses; one that keeps dying is quarantined. No call waits on it without a bound.
//
// What this does not do: limit memory, files or processes, or keep a plugin from the network. A plugin runs as the
// host's user, so it can read whatever that user can: an embedded database and its key file among it. Use the host's own
// means (containers, cgroups, users) against a plugin that is not trusted so far. A grandchild that leaves the process
// group escapes the kill. So does any grandchild when the host itself is killed by SIGKILL, although the plugin dies: a
// plugin that starts programs gives them a death signal of their own. Of a script the path is executed, not the file
// that was verified, and of an interpreter's argument nothing is verified.
//
// Start with [Open].
package pluginhost
