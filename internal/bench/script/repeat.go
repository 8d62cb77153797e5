package script

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rapport-crm/rapport/core/ident"
)

// Take is one run of an operation as it was watched: what a peer asks, what the run wrote, and what it made up.
type Take struct {
	Reads    []Query    // what a peer asks before it writes, in order
	Changes  []Change   // what the run did to rows, in order; one row may occur several times
	Document string     // what was written to SQLite's search index, if anything
	Minted   []ident.ID // ids the run made, in order
	Given    []ident.ID // ids the run was given; with Builder.Fresh all others are new at each run
	Now      time.Time  // the instant of its decision
}

// Builder makes scripts of one operation. Its zero value is for operations that leave no unique values behind, on
// PostgreSQL.
type Builder struct {
	SQLite bool   // the statements are for SQLite
	Fresh  bool   // marks in text, digests, and ids that are neither minted nor given are new at each run
	Mark   string // what the text of a mark begins with; twelve digits follow

	texts []string
	place map[string]int
}

// Texts returns the statements that the steps of the scripts count in.
func (b *Builder) Texts() []string { return b.texts }

func (b *Builder) number(text string) int {
	if b.place == nil {
		b.place = map[string]int{}
	}
	n, ok := b.place[text]
	if !ok {
		n = len(b.texts)
		b.texts = append(b.texts, text)
		b.place[text] = n
	}
	return n
}

// Query returns a statement written with $1, $2 for its arguments. SQLite gets them in the order of their use, which
// costs it least.
//
// Errors: an argument of a type that the peers do not know.
func (b *Builder) Query(text string, rows int64, args ...any) (Query, error) {
	q := Query{Text: text, Rows: rows}
	bound := make([]Arg, len(args))
	for i, v := range args {
		if id, ok := v.(ident.ID); ok {
			v = [16]byte(id)
			if b.SQLite {
				v = id[:]
			}
		}
		if at, ok := v.(time.Time); ok && b.SQLite {
			v = at.UnixMicro()
		}
		var err error
		if bound[i], err = Argument(v); err != nil {
			return q, fmt.Errorf("%w: %s", err, text)
		}
	}
	if !b.SQLite {
		q.Args = bound
		return q, nil
	}
	q.Text = placeholder.ReplaceAllStringFunc(text, func(s string) string {
		q.Args = append(q.Args, bound[int(s[1]-'1')])
		return "?"
	})
	return q, nil
}

var placeholder = regexp.MustCompile(`\$[1-9]`)

// Script makes takes of the same operation repeatable. With several takes each is a variant; whole numbers that grow by
// one from take to take are versions, and go on growing.
//
// Errors: takes that do not have the same form.
func (b *Builder) Script(takes ...Take) (Script, error) {
	var s Script
	for i := range takes {
		s.Variants = append(s.Variants, b.steps(&takes[i]))
	}
	return s, countVersions(s.Variants)
}

func (b *Builder) steps(t *Take) []Step {
	r := b.renewal(t)
	var asks, writes []Step
	for _, q := range t.Reads {
		asks = append(asks, b.step("query", q, r))
	}
	for _, q := range b.plain(t) {
		writes = append(writes, b.step("exec", q, r))
	}
	if len(writes) == 0 {
		return asks
	}
	return slices.Concat([]Step{{Do: "begin"}}, asks, writes, []Step{{Do: "commit"}})
}

func (b *Builder) step(do string, q Query, r *renewal) Step {
	s := Step{Do: do, Text: b.number(q.Text), Rows: q.Rows}
	for _, a := range q.Args {
		s.Args = append(s.Args, r.hole(a))
	}
	return s
}

// Argument names the type of a driver's argument.
//
// Errors: a type that the peers do not know.
func Argument(v any) (Arg, error) {
	switch v := v.(type) {
	case nil:
		return Arg{Kind: kindNull}, nil
	case bool:
		a := Arg{Kind: kindBool}
		if v {
			a.Int = 1
		}
		return a, nil
	case int64:
		return Arg{Kind: kindInt, Int: v}, nil
	case float64:
		return Arg{Kind: kindFloat, Float: v}, nil
	case string:
		return text(v), nil
	case []byte:
		return Arg{Kind: kindBytes, Bytes: v}, nil
	case [16]byte:
		return Arg{Kind: kindUUID, Bytes: v[:]}, nil
	case pgtype.UUID:
		return Arg{Kind: kindUUID, Bytes: v.Bytes[:]}, nil
	case time.Time:
		return Arg{Kind: kindTime, Int: v.UnixMicro()}, nil
	case [][16]byte:
		return list(kindUUIDs, v)
	case []string:
		return list(kindTexts, v)
	}
	return Arg{}, fmt.Errorf("script: the peers do not know arguments of type %T", v)
}

func list[T any](kind string, values []T) (Arg, error) {
	a := Arg{Kind: kind}
	for _, v := range values {
		item, err := Argument(any(v))
		if err != nil {
			return a, err
		}
		a.List = append(a.List, item)
	}
	return a, nil
}

// renewal knows what must be new at each run of one take.
type renewal struct {
	ids    []ident.ID // minted, in order
	minted map[ident.ID]int64
	given  map[ident.ID]bool
	now    int64 // microseconds
	fresh  bool
	mark   *regexp.Regexp
}

func (b *Builder) renewal(t *Take) *renewal {
	r := &renewal{ids: t.Minted, minted: map[ident.ID]int64{}, given: map[ident.ID]bool{}, now: t.Now.UnixMicro(), fresh: b.Fresh}
	for i, id := range t.Minted {
		r.minted[id] = int64(i)
	}
	for _, id := range t.Given {
		r.given[id] = true
	}
	if b.Mark != "" {
		r.mark = regexp.MustCompile(regexp.QuoteMeta(b.Mark) + `\d{12}`)
	}
	return r
}

// hole returns the hole for an argument that must be new at each run, or the argument.
func (r *renewal) hole(a Arg) Arg {
	switch a.Kind {
	case kindUUID, kindBytes:
		return r.id(a)
	case kindTime:
		if d, ok := r.distance(a.Int); ok {
			return Arg{Kind: holeNow, Int: d}
		}
	case kindInt:
		if d, ok := r.distance(a.Int); ok {
			return Arg{Kind: holeMicros, Int: d}
		}
	case kindText:
		return r.text(a)
	}
	return a
}

func (r *renewal) id(a Arg) Arg {
	if len(a.Bytes) != len(ident.ID{}) {
		return a
	}
	id := ident.ID(a.Bytes)
	n, minted := r.minted[id]
	switch {
	case minted && a.Kind == kindUUID:
		return Arg{Kind: holeID, Int: n}
	case minted:
		return Arg{Kind: holeBlob, Int: n}
	case !r.fresh || r.given[id]:
		return a
	case a.Kind == kindUUID:
		return Arg{Kind: holeRandom}
	}
	return Arg{Kind: holeDigest}
}

// distance returns how far a time is from that of the decision, if it was reckoned from it. Such times lie whole
// seconds apart; others do not, since a decision has microseconds of its own.
func (r *renewal) distance(micros int64) (d int64, ok bool) {
	const aYear = int64(366 * 24 * time.Hour / time.Microsecond)
	d = micros - r.now
	return d, -aYear < d && d < aYear && d%int64(time.Second/time.Microsecond) == 0
}

func (r *renewal) text(a Arg) Arg {
	hole := Arg{Kind: holeText, Text: a.Text}
	for n, id := range r.ids {
		if strings.Contains(a.Text, id.String()) {
			hole.List = append(hole.List, Arg{Kind: holeID, Int: int64(n), Text: id.String()})
		}
	}
	if hole.List == nil && (!r.fresh || r.mark == nil || !r.mark.MatchString(a.Text)) {
		return a
	}
	return hole
}

// countVersions replaces numbers that grow from variant to variant by holes that go on growing.
func countVersions(variants [][]Step) error {
	if len(variants) < 2 {
		return nil
	}
	first := variants[0]
	for _, v := range variants[1:] {
		if len(v) != len(first) {
			return fmt.Errorf("script: two runs of one operation took %d and %d statements", len(first), len(v))
		}
		for i := range v {
			if v[i].Text != first[i].Text || len(v[i].Args) != len(first[i].Args) {
				return fmt.Errorf("script: two runs of one operation differ in statement %d", i+1)
			}
		}
	}
	for i := range first {
		for j := range first[i].Args {
			begin := first[i].Args[j]
			if !grows(variants, i, j) {
				continue
			}
			for _, v := range variants {
				// The variants themselves have run.
				v[i].Args[j] = Arg{Kind: holeCount, Int: begin.Int + int64(len(variants))}
			}
		}
	}
	return nil
}

func grows(variants [][]Step, step, arg int) bool {
	begin := variants[0][step].Args[arg]
	for n, v := range variants {
		if a := v[step].Args[arg]; a.Kind != kindInt || a.Int != begin.Int+int64(n) {
			return false
		}
	}
	return true
}
