package pluginserve

import (
	"context"
	"os"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"
)

// watcher ends the process when the host's connection ends, so that a plugin never outlives its host, however that
// went away.
type watcher struct {
	conns  atomic.Int64
	ending atomic.Bool // the host has asked to finish: main may still clean up
	gone   func()
}

// grace is how long main may clean up after the host has asked to finish.
const grace = time.Second

// TagRPC implements stats.Handler.
func (w *watcher) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (w *watcher) HandleRPC(context.Context, stats.RPCStats) {}

// TagConn implements stats.Handler.
func (w *watcher) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler. Connections that fail the TLS handshake never come here.
func (w *watcher) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		w.conns.Add(1)
	case *stats.ConnEnd:
		if w.conns.Add(-1) == 0 {
			if w.ending.Load() {
				time.AfterFunc(grace, w.gone)
				return
			}
			w.gone()
		}
	}
}

// leave ends the process and, where it leads its own process group, what it has started.
func leave() {
	killGroup()
	os.Exit(0)
}
