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
	Op      string  `json:"op"`
	Dialect string  `json:"dialect"`
	Peer    string  `json:"peer"`
	OursNS  int64   `json:"ours_ns"` // of one call; of one row for customer.import
	PeerNS  int64   `json:"peer_ns"`
	Ratio   float64 `json:"ratio"` // PeerNS / OursNS: 1 is as fast as the peer, higher is better
}

func newResult(op, dialect, peer string, ours, theirs time.Duration) Result {
	r := Result{Op: op, Dialect: dialect, Peer: peer, OursNS: ours.Nanoseconds(), PeerNS: theirs.Nanoseconds()}
	if r.OursNS > 0 {
		r.Ratio = float64(r.PeerNS) / float64(r.OursNS)
	}
	return r
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
	fmt.Fprintln(t, "operation\tdatabase\tours\tpeer\t\tratio\t")
	for _, r := range p.rows {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%.2f\t\n", r.Op, r.Dialect, span(r.OursNS), span(r.PeerNS), r.Peer, r.Ratio)
	}
	p.rows = nil
	return t.Flush()
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
