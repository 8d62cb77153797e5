package bench

import (
	"errors"
	"io"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
)

// Errors of [Run] about what it needs, for errors.Is.
var (
	// ErrNoToolchain means that there is no go command to compile the peers with.
	ErrNoToolchain = errors.New("the peers are compiled when the bench runs: there is no go command in PATH")
	// ErrNoPeers means that the source of the peers was not found.
	ErrNoPeers = errors.New("the source of the peers is not here: run the bench inside a checkout of the repository")
)

// The databases.
const (
	Postgres = "postgres"
	SQLite   = "sqlite"
)

// Options say what to measure. The zero value measures everything at 100,000 customers and prints nowhere.
type Options struct {
	Rows     int                                      // customers in the database. Defaults to 100,000; at least 1,000
	Dialects []string                                 // [SQLite], [Postgres]. Defaults to both; without a PostgreSQL to be had, to SQLite alone
	Ops      []string                                 // operations, see [Ops]. Defaults to all
	Duration time.Duration                            // how long one operation is measured on one database, all sides together. Defaults to 2.5 seconds
	DSN      string                                   // PostgreSQL server on which a database of its own is made and dropped. Defaults to a throw-away server of installed programs
	Seed     uint64                                   // picks the customers. Defaults to 1
	Peers    string                                   // directory of the peers' source. Defaults to the one in this source tree
	JSON     bool                                     // one object a line in place of a table
	Out      io.Writer                                // gets the results. Defaults to io.Discard
	Log      io.Writer                                // gets progress. Defaults to io.Discard
	Profile  func(op string) (stop func(), err error) // called around our turns of an operation. Defaults to nothing

	farCalls int // calls of a turn in the contest over the network. Defaults to 20
	takes    int // at most so many different calls of an operation. Defaults to 1,000
}

func (o Options) withDefaults() (Options, error) {
	if o.Rows == 0 {
		o.Rows = 100_000
	}
	if len(o.Ops) == 0 {
		o.Ops = Ops()
	}
	if o.Duration == 0 {
		o.Duration = 2500 * time.Millisecond
	}
	if o.farCalls == 0 {
		o.farCalls = farCalls
	}
	if o.takes == 0 {
		o.takes = manyCalls
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	return o, o.validate()
}

func (o *Options) validate() error {
	var v fault.Violations
	if o.Rows < minRows {
		v.Add("rows", "want at least %d, have %d", minRows, o.Rows)
	}
	if o.Duration < 0 {
		v.Add("seconds", "must not be negative")
	}
	for _, d := range o.Dialects {
		if d != SQLite && d != Postgres {
			v.Add("dialect", "%q is none: want %s or %s", d, SQLite, Postgres)
		}
	}
	for _, op := range o.Ops {
		if !slices.Contains(Ops(), op) {
			v.Add("op", "%q is none: want one of %v", op, Ops())
		}
	}
	return v.Err()
}

// minRows is what the samples of the operations need.
const minRows = 1000
