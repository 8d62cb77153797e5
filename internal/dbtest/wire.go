package dbtest

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// Dial returns a pgconn.Config.DialFunc whose connections fail as the Chaos is told, whichever way a statement takes
// above them: database/sql, pgx itself, or COPY. It sees what is said to the server, so connections must not be
// encrypted, and a statement must not share its reply with another, as in pgx's pipelines.
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
	ran    bool   // the reply is that of the statement, not of what was sent instead
	held   []byte // of that reply, so far
	out    []byte // for the reader
	broken bool
}

// Messages that are sent in place of others: a statement that fails, and the end of a COPY that fails.
var (
	fails    = message('Q', []byte("SELECT 1/0\x00"))
	copyFail = message('f', []byte("injected fault\x00"))
)

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
	op, text := w.read(p)
	if text == "" {
		return w.Conn.Write(p)
	}
	rule := w.chaos.see(op, text)
	if rule == nil {
		return w.Conn.Write(p)
	}
	if rule.When == Before && errors.Is(rule.Err, driver.ErrBadConn) {
		_ = w.end()
		return 0, LostConnection()
	}
	if rule.When == Before && isLost(rule.Err) {
		return len(p), w.end()
	}
	w.mu.Lock()
	w.strike, w.ran, w.held = rule, rule.When != Before, nil
	w.mu.Unlock()
	if rule.When != Before {
		return w.Conn.Write(p)
	}
	instead := fails
	if strings.HasPrefix(text, "/*copied.") {
		instead = copyFail
	}
	if _, err := w.Conn.Write(instead); err != nil {
		return 0, err
	}
	return len(p), nil
}

// read returns the statement that messages run or prepare, if any. pgx prepares and runs at once in some of its modes;
// that counts as running.
func (w *wire) read(p []byte) (op Op, text string) {
	for kind, body, rest, ok := next(p); ok; kind, body, rest, ok = next(rest) {
		switch kind {
		case 'P': // prepare: name, text
			name, more := cString(body)
			w.texts[name], _ = cString(more)
			op, text = OpPrepare, w.texts[name]
		case 'B': // bind: portal, name
			_, more := cString(body)
			name, _ := cString(more)
			w.bound = w.texts[name]
		case 'E': // execute
			return OpExec, w.bound
		case 'Q': // run a text
			text, _ = cString(body)
			return w.simple(text)
		case 'c': // all rows are sent
			if w.copying != "" {
				op, text = OpExec, "/*copied."+w.copying+"*/"
				w.copying = ""
			}
		}
	}
	return op, text
}

// simple names a text that has no arguments.
func (w *wire) simple(text string) (Op, string) {
	w.copying = ""
	if rest, ok := strings.CutPrefix(text, `copy "`); ok {
		w.copying, _, _ = strings.Cut(rest, `"`)
		return OpExec, "/*copy." + w.copying + "*/ " + text
	}
	word, _, _ := strings.Cut(text, " ")
	switch {
	case word == "--": // a ping
		return 0, ""
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
	failed := false
	for kind, body, rest, ok := next(w.held); ok; kind, body, rest, ok = next(rest) {
		failed = failed || kind == 'E'
		if kind == 'Z' { // ready, with the state of the transaction
			return w.answer(failed, body[0])
		}
	}
	return nil
}

func (w *wire) answer(failed bool, state byte) error {
	rule := w.strike
	kill := rule.KillConn || rule.When == LostReply || isLost(rule.Err)
	switch {
	case w.ran && failed: // a real error came first
		w.out, w.strike = w.held, nil
		return nil
	case w.ran && !kill:
		w.ran, w.held = false, nil
		_, err := w.Conn.Write(fails)
		return err
	}
	if w.strike = nil; !isLost(rule.Err) {
		if state == 'T' {
			state = 'E'
		}
		w.out = append(errorResponse(rule.Err), message('Z', []byte{state})...)
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

// isLost tells errors of a connection from those of a server.
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
