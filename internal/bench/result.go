package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// Result is one operation on one database against one peer.
type Result struct {
	Op      string  `json:"op"`      // such as "customer.get"
	Dialect string  `json:"dialect"` // "postgres" or "sqlite"
	Peer    string  `json:"peer"`    // who else ran it: "pgx", "pgx-pipeline" or "sql"
	OursNS  int64   `json:"ours_ns"` // of one call; of one row for customer.import
	PeerNS  int64   `json:"peer_ns"` // of the same, run by the peer
	Ratio   float64 `json:"ratio"`   // PeerNS / OursNS: 1 is as fast as the peer, higher is better

	// On PostgreSQL. Trips are how often a call of ours waits for the server; of customer.import, a load of 1,000.
	Trips int64 `json:"trips,omitempty"`
	// The same with a millisecond added to each round trip of both sides; against pgx alone.
	DelayedOursNS int64   `json:"delayed_ours_ns,omitempty"`
	DelayedPeerNS int64   `json:"delayed_peer_ns,omitempty"` // of the peer's call with the delay
	DelayedRatio  float64 `json:"delayed_ratio,omitempty"`   // DelayedPeerNS / DelayedOursNS
}

func newResult(op, dialect, peer string, ours, theirs time.Duration) Result {
	return Result{Op: op, Dialect: dialect, Peer: peer, OursNS: ours.Nanoseconds(), PeerNS: theirs.Nanoseconds(), Ratio: ratio(ours, theirs)}
}

func (r *Result) delayed(ours, theirs time.Duration) {
	r.DelayedOursNS, r.DelayedPeerNS, r.DelayedRatio = ours.Nanoseconds(), theirs.Nanoseconds(), ratio(ours, theirs)
}

func ratio(ours, theirs time.Duration) float64 {
	if ours <= 0 {
		return 0
	}
	return float64(theirs) / float64(ours)
}

// printer writes results as they come, or as one table at the end.
type printer struct {
	out  io.Writer
	json bool
	rows []Result
}

func (p *printer) add(r Result) error {
	if p.json {
		return json.NewEncoder(p.out).Encode(r)
	}
	p.rows = append(p.rows, r)
	return nil
}

func (p *printer) flush() error {
	if len(p.rows) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "operation\tdatabase\tours\tpeer\t\tratio\ttrips\t+1 ms\t")
	for _, r := range p.rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.2f\t%s\t%s\t\n", r.Op, r.Dialect, span(r.OursNS), span(r.PeerNS), r.Peer, r.Ratio,
			unless(r.Trips == 0, "%d", r.Trips), unless(r.DelayedRatio == 0, "%.2f", r.DelayedRatio))
	}
	p.rows = nil
	return t.Flush()
}

func unless(missing bool, format string, v any) string {
	if missing {
		return "-"
	}
	return fmt.Sprintf(format, v)
}

// span prints three digits of a duration.
func span(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d < 10*time.Microsecond:
		return fmt.Sprintf("%.2f µs", float64(ns)/1e3)
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(ns)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", ns/1e3)
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.2f ms", float64(ns)/1e6)
	}
	return fmt.Sprintf("%.1f ms", float64(ns)/1e6)
}
