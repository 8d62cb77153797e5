package bench

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/rapport-crm/rapport/core/ident"
)

// Take is one run of an operation as it was recorded, with what the run made up.
type Take struct {
	Statements []Statement
	Minted     []ident.ID // ids the run made, in order
	Now        time.Time  // the instant of its decision
}

// texts numbers the statements of scripts, each of which many steps share.
type texts struct {
	list  []string
	place map[string]int
}

func (t *texts) number(text string) int {
	if t.place == nil {
		t.place = map[string]int{}
	}
	n, ok := t.place[text]
	if !ok {
		n = len(t.list)
		t.list = append(t.list, text)
		t.place[text] = n
	}
	return n
}

// script makes takes of the same operation repeatable: ids that the run made, its instant and, with renew, marks in
// text and digests become holes. With several takes each is a variant; whole numbers that grow by one from take to take are
// versions, and go on growing.
func (t *texts) script(takes []Take, renew bool) (Script, error) {
	var s Script
	for i := range takes {
		steps, err := t.steps(&takes[i], renew)
		if err != nil {
			return s, err
		}
		s.Variants = append(s.Variants, steps)
	}
	return s, countVersions(s.Variants)
}

func (t *texts) steps(take *Take, renew bool) ([]Step, error) {
	minted := make(map[ident.ID]int64, len(take.Minted))
	for i, id := range take.Minted {
		minted[id] = int64(i)
	}
	var steps []Step
	for _, st := range take.Statements {
		if st.Do == "rollback" {
			return nil, errors.New("bench: a recorded operation was rolled back")
		}
		step := Step{Do: st.Do, Rows: st.Rows}
		if st.Text != "" {
			step.Text = t.number(st.Text)
		}
		for _, a := range st.Args {
			arg, err := argument(a.Value)
			if err != nil {
				return nil, fmt.Errorf("%w: %s", err, st.Text)
			}
			step.Args = append(step.Args, hole(arg, minted, take.Now, renew))
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// argument names the type of a driver's argument.
func argument(v any) (Arg, error) {
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
		return Arg{Kind: kindText, Text: v}, nil
	case []byte:
		return Arg{Kind: kindBytes, Bytes: v}, nil
	case [16]byte:
		return Arg{Kind: kindUUID, Bytes: v[:]}, nil
	case pgtype.UUID:
		return Arg{Kind: kindUUID, Bytes: v.Bytes[:]}, nil
	case time.Time:
		return Arg{Kind: kindTime, Int: v.UnixMicro()}, nil
	case [][16]byte:
		return listArgument(kindUUIDs, v)
	case []string:
		return listArgument(kindTexts, v)
	}
	return Arg{}, fmt.Errorf("bench: the peers do not know arguments of type %T", v)
}

func listArgument[T any](kind string, list []T) (Arg, error) {
	a := Arg{Kind: kind}
	for _, v := range list {
		item, err := argument(any(v))
		if err != nil {
			return a, err
		}
		a.List = append(a.List, item)
	}
	return a, nil
}

var mark = regexp.MustCompile(regexp.QuoteMeta(markWord) + `\d{12}`)

// hole returns the hole for an argument that must be new at each run, or the argument.
func hole(a Arg, minted map[ident.ID]int64, now time.Time, renew bool) Arg {
	micros := now.Truncate(time.Microsecond).UnixMicro()
	switch a.Kind {
	case kindUUID, kindBytes:
		if len(a.Bytes) != len(ident.ID{}) {
			return a
		}
		n, ok := minted[ident.ID(a.Bytes)]
		switch {
		case !ok && renew && a.Kind == kindBytes:
			return Arg{Kind: holeDigest} // of an address, which is another one each time
		case !ok:
			return a
		case a.Kind == kindUUID:
			return Arg{Kind: holeID, Int: n}
		}
		return Arg{Kind: holeBlob, Int: n}
	case kindTime:
		if a.Int == micros {
			return Arg{Kind: holeNow}
		}
	case kindInt:
		if a.Int == micros {
			return Arg{Kind: holeMicros}
		}
	case kindText:
		if renew && mark.MatchString(a.Text) {
			return Arg{Kind: holeMark, Text: a.Text}
		}
	}
	return a
}

// countVersions replaces numbers that grow from variant to variant by holes that go on growing.
func countVersions(variants [][]Step) error {
	if len(variants) < 2 {
		return nil
	}
	first := variants[0]
	for _, v := range variants[1:] {
		if len(v) != len(first) {
			return fmt.Errorf("bench: two runs of one operation took %d and %d statements", len(first), len(v))
		}
		for i := range v {
			if v[i].Text != first[i].Text || len(v[i].Args) != len(first[i].Args) {
				return fmt.Errorf("bench: two runs of one operation differ in statement %d", i+1)
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
