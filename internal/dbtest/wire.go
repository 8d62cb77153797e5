package dbtest

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// Dial returns a pgconn.Config.DialFunc whose connections fail as the Chaos is told, whichever way a statement takes
// above them: database/sql, pgx itself, its pipelines, or COPY. It sees what is said to the server, so connections must
// not be encrypted; several statements in one text, as in pipelines of the simple protocol, pass as the first of them.
//
// In a pipeline what comes before the struck statement has run and is answered, and what comes after it does not run.
//
// What the caller gets comes from the server, or from the connection's end: where an error stands in for a reply, the
// server has failed, too, and its transaction is lost. Every statement that runs is an [OpExec]. A COPY is two
// statements: "copy.TABLE" when it begins, and "copied.TABLE" when all rows have been sent. Of a [Rule.Err] only the
// SQLSTATE gets through; other errors arrive as XX000. [driver.ErrBadConn] is a connection that was found broken before
// anything was sent.
func (c *Chaos) Dial(next pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		base, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &wire{Conn: base, chaos: c, texts: map[string]string{}}, nil
	}
}

// wire is a connection to PostgreSQL. Its driver writes whole messages, and may read while it writes.
type wire struct {
	net.Conn

	chaos   *Chaos
	begun   bool              // the first message, which has no type, has been written
	texts   map[string]string // prepared statements
	bound   string            // the text that runs next
	copying string            // the table that rows are sent to

	mu     sync.Mutex
	strike *Rule  // what becomes of the reply that is awaited; nil lets it pass
	piped  bool   // the failure travels with the statements; else it is sent after their reply
	before int    // how many statements of the reply are none of the strike's business
	ran    bool   // the reply is that of the statement, not of what was sent instead
	held   []byte // of that reply, so far
	out    []byte // for the reader
	broken bool
}

// Messages that are sent in place of others: a statement that fails, alone and in a pipeline, and the end of a COPY
// that fails.
var (
	fails      = message('Q', []byte("SELECT 1/0\x00"))
	pipedFails = append(message('B', []byte("\x00"+missing+"\x00\x00\x00\x00\x00\x00\x00")), message('S', nil)...)
	copyFail   = message('f', []byte("injected fault\x00"))
)

// missing is a prepared statement that nobody has prepared.
const missing = "dbtest_missing"

func message(kind byte, body []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)) //nolint:gosec // short
	return append(out, body...)
}

// next cuts a message off data, which may end within it.
func next(data []byte) (kind byte, body, rest []byte, ok bool) {
	if len(data) < 5 {
		return 0, nil, data, false
	}
	end := 1 + int(binary.BigEndian.Uint32(data[1:]))
	if len(data) < end {
		return 0, nil, data, false
	}
	return data[0], data[5:end], data[end:], true
}

func (w *wire) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		return w.Conn.Write(p)
	}
	said := w.read(p)
	for i := range said {
		if rule := w.chaos.see(said[i].op, said[i].text); rule != nil {
			return w.hit(p, said, i, rule)
		}
	}
	return w.Conn.Write(p)
}

// hit strikes one of the statements that p says.
func (w *wire) hit(p []byte, said []said, i int, rule *Rule) (int, error) {
	if rule.When == Before && errors.Is(rule.Err, driver.ErrBadConn) {
		_ = w.end()
		return 0, LostConnection()
	}
	if rule.When == Before && isLost(rule.Err) {
		return len(p), w.end()
	}
	s := said[i]
	w.mu.Lock()
	w.strike, w.piped, w.before, w.ran, w.held = rule, s.piped, i, rule.When != Before, nil
	w.mu.Unlock()
	instead := p
	switch {
	case s.piped && rule.When == Before:
		instead = slices.Concat(p[:s.from], pipedFails)
	case s.piped && w.kills():
		instead = slices.Concat(p[:s.to], message('S', nil))
	case s.piped:
		instead = slices.Concat(p[:s.to], pipedFails)
	case rule.When == Before && strings.HasPrefix(s.text, "/*copied."):
		instead = copyFail
	case rule.When == Before:
		instead = fails
	}
	if _, err := w.Conn.Write(instead); err != nil {
		return 0, err
	}
	return len(p), nil
}

// kills reports whether the connection ends with the strike.
func (w *wire) kills() bool {
	return w.strike.KillConn || w.strike.When == LostReply || isLost(w.strike.Err)
}

// said is a statement among the messages of one Write.
type said struct {
	op       Op
	text     string
	piped    bool // it runs by the extended protocol
	from, to int  // where its messages are
}

// read returns the statements that messages run or, where they run none, prepare. pgx prepares and runs at once in some
// of its modes; that counts as running.
func (w *wire) read(p []byte) (out []said) {
	var prepared []said
	from := 0
	for kind, body, rest, ok := next(p); ok; kind, body, rest, ok = next(rest) {
		switch kind {
		case 'P': // prepare: name, text
			name, more := cString(body)
			w.texts[name], _ = cString(more)
			prepared = append(prepared, said{op: OpPrepare, text: w.texts[name]})
		case 'B': // bind: portal, name
			_, more := cString(body)
			name, _ := cString(more)
			w.bound = w.texts[name]
		case 'E': // execute
			op, text := plainOp(w.bound)
			to := len(p) - len(rest)
			out = append(out, said{op: op, text: text, piped: true, from: from, to: to})
			from = to
		case 'Q': // run a text
			text, _ := cString(body)
			if op, text := w.simple(text); text != "" {
				out = append(out, said{op: op, text: text})
			}
		case 'c': // all rows are sent
			if w.copying != "" {
				out = append(out, said{op: OpExec, text: "/*copied." + w.copying + "*/"})
				w.copying = ""
			}
		}
	}
	if out == nil {
		return prepared
	}
	return out
}

// simple names a text that has no arguments.
func (w *wire) simple(text string) (Op, string) {
	w.copying = ""
	if rest, ok := strings.CutPrefix(text, `copy "`); ok {
		w.copying, _, _ = strings.Cut(rest, `"`)
		return OpExec, "/*copy." + w.copying + "*/ " + text
	}
	if strings.HasPrefix(text, "-- ") { // a ping
		return 0, ""
	}
	return plainOp(text)
}

// plainOp names what begins and ends transactions.
func plainOp(text string) (Op, string) {
	word, _, _ := strings.Cut(text, " ")
	switch {
	case word == "begin":
		return OpBegin, textBegin
	case text == "commit":
		return OpCommit, textCommit
	case text == "rollback":
		return OpRollback, textRollback
	}
	return OpExec, text
}

func cString(b []byte) (text string, rest []byte) {
	head, rest, _ := bytes.Cut(b, []byte{0})
	return string(head), rest
}

func (w *wire) Read(p []byte) (int, error) {
	for {
		w.mu.Lock()
		n := copy(p, w.out)
		w.out = w.out[n:]
		broken := w.broken
		w.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		if broken {
			return 0, LostConnection()
		}
		n, err := w.Conn.Read(p)
		if err != nil {
			return n, err
		}
		w.mu.Lock()
		if w.strike == nil {
			w.mu.Unlock()
			return n, nil
		}
		w.held = append(w.held, p[:n]...)
		err = w.reply()
		w.mu.Unlock()
		if err != nil {
			return 0, err
		}
	}
}

// reply does what is to be done once the held reply is whole.
func (w *wire) reply() error {
	failed, ours := false, false
	answered, at := 0, 0 // statements, and where the answer of the struck one begins
	for kind, body, rest, ok := next(w.held); ok; kind, body, rest, ok = next(rest) {
		switch kind {
		case 'C', 'I', 's': // a statement has run
			if answered++; answered == w.before {
				at = len(w.held) - len(rest)
			}
		case 'E':
			failed, ours = true, bytes.Contains(body, []byte(missing))
		case 'Z': // ready, with the state of the transaction
			if w.piped {
				return w.answerPiped(failed && !ours, at, body[0])
			}
			return w.answer(failed, body[0])
		}
	}
	return nil
}

// answerPiped makes the reply of a pipeline: what came before the strike, and its error.
func (w *wire) answerPiped(failed bool, at int, state byte) error {
	if failed { // a real error came first
		w.out, w.strike = w.held, nil
		return nil
	}
	return w.lie(w.held[:at:at], state)
}

func (w *wire) answer(failed bool, state byte) error {
	switch {
	case w.ran && failed: // a real error came first
		w.out, w.strike = w.held, nil
		return nil
	case w.ran && !w.kills():
		w.ran, w.held = false, nil
		_, err := w.Conn.Write(fails)
		return err
	}
	return w.lie(nil, state)
}

// lie gives the reader the injected error, or the end of the connection.
func (w *wire) lie(before []byte, state byte) error {
	rule, kill := w.strike, w.kills()
	if w.strike = nil; !isLost(rule.Err) {
		if state == 'T' {
			state = 'E'
		}
		w.out = slices.Concat(before, errorResponse(rule.Err), message('Z', []byte{state}))
	}
	if kill {
		w.broken = true
		return w.Conn.Close()
	}
	return nil
}

// end breaks the connection.
func (w *wire) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = true
	return w.Conn.Close()
}

// isLost reports whether an error is one of a connection, not of a server.
func isLost(err error) bool {
	var lost net.Error
	return errors.As(err, &lost) || errors.Is(err, driver.ErrBadConn)
}

func errorResponse(err error) []byte {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		e = &pgconn.PgError{Severity: "ERROR", Code: "XX000", Message: "injected fault"}
	}
	body := "S" + e.Severity + "\x00V" + e.Severity + "\x00C" + e.Code + "\x00M" + e.Message + "\x00\x00"
	return message('E', []byte(body))
}
