package pluginhost

import (
	"bufio"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	maxLine     = 2 << 10 // bytes of a line that are logged; the rest of it is dropped
	maxGreeting = 16 << 10
	linesSecond = 50
	linesBurst  = 200
)

// printed logs what a process prints, a bounded number of bounded lines, and never makes the process wait.
type printed struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	room    float64 // lines that may be logged now
	since   time.Time
	dropped int64
	head    []string // the first lines, for the account of a failed start
	tail    []string // the last lines, for the account of a crash
}

func newPrinted(log *slog.Logger) *printed {
	return &printed{log: log, now: time.Now, room: linesBurst, since: time.Now()}
}

const (
	headLines = 3
	tailLines = 10
)

func (p *printed) line(stream, text string) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	p.mu.Lock()
	if len(p.head) < headLines {
		p.head = append(p.head, text)
	}
	p.tail = append(p.tail, text)
	if len(p.tail) > tailLines {
		p.tail = p.tail[1:]
	}
	ok, dropped := p.allow()
	p.mu.Unlock()
	if dropped > 0 {
		p.log.Warn("plugin printed more than is logged", "dropped_lines", dropped)
	}
	if ok {
		p.log.Info("plugin printed", "stream", stream, "line", text)
	}
}

// allow takes one line out of the bucket; dropped is how many lines were left out since the last one that was logged.
func (p *printed) allow() (ok bool, dropped int64) {
	now := p.now()
	p.room = min(linesBurst, p.room+now.Sub(p.since).Seconds()*linesSecond)
	p.since = now
	if p.room < 1 {
		p.dropped++
		return false, 0
	}
	p.room--
	dropped, p.dropped = p.dropped, 0
	return true, dropped
}

// mayLog takes one line of the plugin's own out of the same bucket.
func (p *printed) mayLog() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	ok, dropped := p.allow()
	p.dropped += dropped // told with the next printed line
	return ok
}

// first returns the first lines that were printed after the greeting.
func (p *printed) first() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.head)
}

// last returns the last lines that were printed.
func (p *printed) last() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.tail...)
}

// pump reads everything, however long its lines are.
func (p *printed) pump(stream string, r *bufio.Reader) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if room := maxLine - len(line); room > 0 {
			line = append(line, part[:min(len(part), room)]...)
		}
		if err == bufio.ErrBufferFull { //nolint:errorlint // bufio returns it itself
			continue
		}
		if text := strings.TrimRight(string(line), "\r\n"); text != "" {
			p.line(stream, text)
		}
		line = line[:0]
		if err != nil {
			return
		}
	}
}

// greet hands the first line to go-plugin, which would stop reading at a long line later on, and then pumps the rest.
func (p *printed) greet(r io.Reader, first *io.PipeWriter) {
	buf := bufio.NewReaderSize(r, maxGreeting)
	line, err := buf.ReadSlice('\n')
	if err != nil && len(line) > 256 {
		line = line[:256] // not a greeting: enough for the message that says so
	}
	if len(line) > 0 {
		_, _ = first.Write(append(line[:len(line):len(line)], '\n'))
	}
	_ = first.Close()
	p.pump("stdout", buf)
}

// sink is what go-plugin's own stream of a process's output writes to.
type sink struct {
	p      *printed
	stream string

	mu   sync.Mutex
	line []byte
}

// Write implements io.Writer; it never fails.
func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range b {
		if c != '\n' {
			if len(s.line) < maxLine {
				s.line = append(s.line, c)
			}
			continue
		}
		if len(s.line) > 0 {
			s.p.line(s.stream, string(s.line))
		}
		s.line = s.line[:0]
	}
	return len(b), nil
}
