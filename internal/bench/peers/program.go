package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// op is a loaded operation: scripts to run in turn.
type op struct {
	programs []*program
	mark     string
	next     int
}

// program is one script ready to run.
type program struct {
	variants [][]*statement
	runs     int64
}

// statement is one step with its arguments. args is filled anew at each run where it has holes.
type statement struct {
	do, text string
	args     []any
	holes    []hole
	rows     int64
}

// hole is an argument that differs at each run.
type hole struct {
	at int
	arg
}

func compile(req *request) *op {
	o := &op{mark: req.Mark}
	for _, s := range req.Scripts {
		p := &program{}
		for _, steps := range s.Variants {
			var compiled []*statement
			for i := range steps {
				compiled = append(compiled, bind(&steps[i], req.Texts))
			}
			p.variants = append(p.variants, compiled)
		}
		o.programs = append(o.programs, p)
	}
	return o
}

func bind(s *step, texts []string) *statement {
	st := &statement{do: s.Do, rows: s.Rows, args: make([]any, len(s.Args))}
	if s.Do == "exec" || s.Do == "query" {
		st.text = texts[s.Text]
	}
	for i := range s.Args {
		a := &s.Args[i]
		v, fixed := value(a)
		if st.args[i] = v; !fixed {
			st.holes = append(st.holes, hole{at: i, arg: *a})
		}
	}
	return st
}

// value returns what an argument is bound as, and whether it is the same at each run.
func value(a *arg) (v any, fixed bool) {
	switch a.Kind {
	case kindNull:
		return nil, true
	case kindBool:
		return a.Int != 0, true
	case kindInt:
		return a.Int, true
	case kindFloat:
		return a.Float, true
	case kindText:
		return a.Text, true
	case kindBytes:
		return a.Bytes, true
	case kindUUID:
		return [16]byte(a.Bytes), true
	case kindTime:
		return time.UnixMicro(a.Int).UTC(), true
	case kindUUIDs:
		ids := make([][16]byte, len(a.List))
		for i := range a.List {
			ids[i] = [16]byte(a.List[i].Bytes)
		}
		return ids, true
	case kindTexts:
		texts := make([]string, len(a.List))
		for i := range a.List {
			texts[i] = a.List[i].Text
		}
		return texts, true
	}
	return nil, false
}

// prepare picks the next operation and fills its holes.
func (s *server) prepare(o *op) ([]*statement, error) {
	p := o.programs[o.next%len(o.programs)]
	o.next++
	steps := p.variants[int(p.runs)%len(p.variants)]
	f := filling{server: s, op: o, runs: p.runs, now: time.Now().UTC().Truncate(time.Microsecond)}
	p.runs++
	for _, st := range steps {
		for i := range st.holes {
			var err error
			if st.args[st.holes[i].at], err = f.value(&st.holes[i].arg); err != nil {
				return nil, err
			}
		}
	}
	return steps, nil
}

// filling is what is new in one run.
type filling struct {
	*server
	*op

	ids  [][16]byte
	mark string
	now  time.Time
	runs int64
}

func (f *filling) value(a *arg) (any, error) {
	switch a.Kind {
	case holeID:
		return f.id(a.Int), nil
	case holeBlob:
		id := f.id(a.Int)
		return id[:], nil
	case holeNow:
		return f.now.Add(time.Duration(a.Int) * time.Microsecond), nil
	case holeMicros:
		return f.now.UnixMicro() + a.Int, nil
	case holeCount:
		return a.Int + f.runs, nil
	case holeRandom:
		return f.server.ids.random(), nil
	case holeDigest:
		digest := f.server.ids.random()
		return digest[:], nil
	case holeText:
		return f.text(a), nil
	}
	return nil, fmt.Errorf("unknown argument %q", a.Kind)
}

func (f *filling) id(n int64) [16]byte {
	for int64(len(f.ids)) <= n {
		f.ids = append(f.ids, f.server.ids.next())
	}
	return f.ids[n]
}

func (f *filling) text(a *arg) string {
	s := a.Text
	for i := range a.List {
		id := f.id(a.List[i].Int)
		s = strings.ReplaceAll(s, a.List[i].Text, fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]))
	}
	return remark(s, f.op.mark, func(int64) string {
		if f.mark == "" {
			f.marks++
			f.mark = markText(f.op.mark, firstMark+f.marks)
		}
		return f.mark
	})
}

// A mark is a word and 12 digits: what must be unique in text. The parent counts from 0, the peers from firstMark.
const (
	markDigits = 12
	firstMark  = 500_000_000_000
)

func markText(word string, n int64) string { return fmt.Sprintf("%s%0*d", word, markDigits, n) }

// remark replaces all marks in a text.
func remark(text, word string, with func(n int64) string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, word)
		if at < 0 || word == "" {
			b.WriteString(text)
			return b.String()
		}
		end := at + len(word)
		n, digits := int64(0), 0
		for end+digits < len(text) && digits < markDigits && text[end+digits] >= '0' && text[end+digits] <= '9' {
			n = n*10 + int64(text[end+digits]-'0')
			digits++
		}
		b.WriteString(text[:at])
		if digits == markDigits {
			b.WriteString(with(n))
		} else {
			b.WriteString(text[at : end+digits])
		}
		text = text[end+digits:]
	}
}

// minter makes ids in the order of time, as the CRM does.
type minter struct {
	last int64
	pool [4096]byte
	used int
}

func (m *minter) next() [16]byte {
	// 12 bits below the millisecond keep ids of one process in order.
	now := time.Now().UnixNano() >> 8
	if now <= m.last {
		now = m.last + 1
	}
	m.last = now
	ms, below := now<<8/1e6, (now<<8%1e6)*4096/1e6
	id := m.random()
	binary.BigEndian.PutUint64(id[:8], uint64(ms)<<16|0x7000|uint64(below))
	id[8] = id[8]&0x3f | 0x80
	return id
}

func (m *minter) random() (b [16]byte) {
	if m.used == 0 || m.used+len(b) > len(m.pool) {
		_, _ = rand.Read(m.pool[:]) // it never fails
		m.used = 0
	}
	m.used += copy(b[:], m.pool[m.used:])
	return b
}
