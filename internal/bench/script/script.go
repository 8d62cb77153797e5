package script

// Script is an operation that can be run again and again. It has several variants where one run must not find what
// the run before wrote; they are run in a circle.
type Script struct {
	Variants [][]Step `json:"variants"` // the steps of each, in order; at least one
}

// Step is one statement of a script. The peers have the same type in their own words, as for everything of this file:
// they share no code with what they are compared to, and the tests run both sides together.
type Step struct {
	Do   string `json:"do"`             // begin, commit, exec, query
	Text int    `json:"text,omitempty"` // place in the list of texts
	Args []Arg  `json:"args,omitempty"` // in the order of the placeholders
	Rows int64  `json:"rows,omitempty"` // read or changed
}

// Arg is an argument: a value, or a hole that each run fills.
type Arg struct {
	Kind  string  `json:"k"`           // which of the constants below; it picks the field that counts
	Int   int64   `json:"i,omitempty"` // the value; of ids which one; of times the distance to the present, in microseconds
	Float float64 `json:"f,omitempty"` // of floats the value
	Text  string  `json:"s,omitempty"` // of text the value, with the ids and marks of the first run
	Bytes []byte  `json:"b,omitempty"` // of bytes and UUIDs the value
	List  []Arg   `json:"l,omitempty"` // of lists the elements; of text the ids in it that are new at each run
}

// Rows are rows of one table.
type Rows struct {
	Table   string   `json:"table"`   // its name, without a schema
	Columns []string `json:"columns"` // names, in the order of each row's values
	Rows    [][]Arg  `json:"rows"`    // by row, then by column
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
	kindTime  = "time"
	kindUUIDs = "uuids"
	kindTexts = "texts"

	holeID     = "id"      // a new id
	holeBlob   = "id-blob" // the same as bytes
	holeNow    = "now"     // the present, or a time at a distance from it
	holeMicros = "now-us"  // the same in microseconds
	holeCount  = "count"   // a version, which grows
	holeText   = "text-new"
	holeDigest = "digest"    // 16 random bytes
	holeRandom = "uuid-rand" // the same as a UUID
)
