package bench

// The messages between the bench and the peers, one JSON object a line. The peers have the same types; they share no
// code with what they are compared to, so the words stand on both sides and the tests of the bench run them together.

type request struct {
	Do      string   `json:"do"` // open, load, turn, source, import, close
	Dialect string   `json:"dialect,omitempty"`
	DSN     string   `json:"dsn,omitempty"`
	Op      string   `json:"op,omitempty"`
	Peer    string   `json:"peer,omitempty"`
	Scripts []Script `json:"scripts,omitempty"`
	Texts   []string `json:"texts,omitempty"`
	ForNS   int64    `json:"for_ns,omitempty"`
	Calls   int      `json:"calls,omitempty"`
	Trace   bool     `json:"trace,omitempty"`
	From    string   `json:"from,omitempty"`
	To      string   `json:"to,omitempty"`
	Mark    string   `json:"mark,omitempty"`
	Keep    []string `json:"keep,omitempty"`
	Tables  []rows   `json:"tables,omitempty"`
}

type reply struct {
	Error string           `json:"error"`
	Calls int              `json:"calls"`
	P50NS int64            `json:"p50_ns"`
	Rows  map[string]int64 `json:"rows"`
	Ran   map[string]int   `json:"ran"`
}

// Script is an operation that can be run again and again. It has several variants where one run must not find what
// the run before wrote; they are run in a circle.
type Script struct {
	Variants [][]Step `json:"variants"`
}

// Step is one statement of a script.
type Step struct {
	Do   string `json:"do"`
	Text int    `json:"text,omitempty"` // place in the list of texts
	Args []Arg  `json:"args,omitempty"`
	Rows int64  `json:"rows,omitempty"`
}

// Arg is an argument: a value, or a hole that each run fills.
type Arg struct {
	Kind  string  `json:"k"`
	Int   int64   `json:"i,omitempty"`
	Float float64 `json:"f,omitempty"`
	Text  string  `json:"s,omitempty"`
	Bytes []byte  `json:"b,omitempty"`
	List  []Arg   `json:"l,omitempty"`
}

type rows struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
	Rows    [][]Arg  `json:"rows"`
}

const (
	kindNull  = "null"
	kindBool  = "bool"
	kindInt   = "int"
	kindFloat = "float"
	kindText  = "text"
	kindBytes = "bytes"
	kindUUID  = "uuid"
	kindTime  = "time"
	kindUUIDs = "uuids"
	kindTexts = "texts"

	holeID     = "id"
	holeBlob   = "id-blob"
	holeNow    = "now"
	holeMicros = "now-us"
	holeCount  = "count"
	holeMark   = "mark"
	holeDigest = "digest"
)
