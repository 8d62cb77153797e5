package main

// request is one line from the parent.
type request struct {
	Do      string   `json:"do"` // open, load, turn, source, import, close
	Dialect string   `json:"dialect,omitempty"`
	DSN     string   `json:"dsn,omitempty"`
	Through string   `json:"through,omitempty"` // open: address of a proxy before the same database, for turns that are far
	Op      string   `json:"op,omitempty"`
	Peer    string   `json:"peer,omitempty"`
	Scripts []script `json:"scripts,omitempty"`
	Texts   []string `json:"texts,omitempty"`  // what step.Text counts in
	ForNS   int64    `json:"for_ns,omitempty"` // how long a turn lasts
	Calls   int      `json:"calls,omitempty"`  // turn: exactly so many operations, whatever the time; 0 for as many as fit
	Far     bool     `json:"far,omitempty"`    // turn: through the proxy
	From    string   `json:"from,omitempty"`   // source: the tenant whose rows are copied
	To      string   `json:"to,omitempty"`     // source: the tenant they are copied into
	Mark    string   `json:"mark,omitempty"`   // source: what text to make unique begins with
	Keep    []string `json:"keep,omitempty"`   // source: tables that belong to the tenant, not to the rows
	Tables  []rows   `json:"tables,omitempty"` // source: the rows themselves, in place of From
}

// reply answers one request.
type reply struct {
	Error string           `json:"error,omitempty"`
	Calls int              `json:"calls,omitempty"`  // operations done in the turn
	P50NS int64            `json:"p50_ns,omitempty"` // their median
	Rows  map[string]int64 `json:"rows,omitempty"`   // import: rows written, by table
}

// script is one operation. It has several variants where running it again must not find what it wrote: the first run
// takes the first variant, and so on in a circle.
type script struct {
	Variants [][]step `json:"variants"`
}

// step is one statement.
type step struct {
	Do   string `json:"do"` // exec, query, begin, commit
	Text int    `json:"text,omitempty"`
	Args []arg  `json:"args,omitempty"`
	Rows int64  `json:"rows,omitempty"` // rows read or changed
}

// arg is one argument: a value, or a hole to be filled at each run.
type arg struct {
	Kind  string  `json:"k"`
	Int   int64   `json:"i,omitempty"` // int, bool, micros; count: the value of the first run; id: which one; now: microseconds from it
	Float float64 `json:"f,omitempty"`
	Text  string  `json:"s,omitempty"` // text; text-new: as it was; in its list: the id as it was
	Bytes []byte  `json:"b,omitempty"` // bytes, uuid
	List  []arg   `json:"l,omitempty"` // uuids, texts; text-new: the ids in it
}

// rows are those of one table, in the order in which they are written.
type rows struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Rows    [][]arg  `json:"rows"`
}

// The kinds of arguments.
const (
	kindNull  = "null"
	kindBool  = "bool"
	kindInt   = "int"
	kindFloat = "float"
	kindText  = "text"
	kindBytes = "bytes"
	kindUUID  = "uuid"
	kindTime  = "time" // microseconds since 1970 in Int, bound as a time
	kindUUIDs = "uuids"
	kindTexts = "texts"

	holeID     = "id"        // a new id, the same for the same Int within a run
	holeBlob   = "id-blob"   // the same as bytes
	holeNow    = "now"       // the present and Int, as a time
	holeMicros = "now-us"    // the same in microseconds
	holeCount  = "count"     // Int plus the number of earlier runs of the script
	holeText   = "text-new"  // Text with its mark and its ids replaced
	holeDigest = "digest"    // 16 random bytes
	holeRandom = "uuid-rand" // the same as a UUID
)
