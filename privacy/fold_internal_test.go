package privacy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func day(n int) time.Time { return epoch.AddDate(0, 0, n) }

// history is a random course of events around a few customers that are one person, told twice: as records, and as
// the operations that the oracle replays.
type history struct {
	rng     *rand.Rand
	ids     []ident.ID
	merged  [][]int // groups of customers, by index
	heads   []int64
	records []Consent
	group   [][]int // of each record: whose files it was written into
}

// channels of the histories; the question is always about the first.
var historyChannels = []personal.Channel{ByEmail, ByAnything, BySMS}

func newHistory(rng *rand.Rand) *history {
	h := &history{rng: rng}
	for i := range 1 + rng.IntN(3) {
		h.ids = append(h.ids, ident.New())
		h.merged = append(h.merged, []int{i})
	}
	h.heads = make([]int64, len(h.ids))
	clock := 10
	for range rng.IntN(7) {
		clock += rng.IntN(3)
		if len(h.merged) > 1 && rng.IntN(4) == 0 {
			h.merged = append(h.merged[2:], append(slices.Clone(h.merged[0]), h.merged[1]...))
			continue
		}
		h.say(clock + rng.IntN(2)*rng.IntN(3)) // clocks of processes differ now and then
	}
	return h
}

func (h *history) say(now int) {
	g := h.merged[h.rng.IntN(len(h.merged))]
	c := Consent{Subject: h.ids[g[0]], Channel: historyChannels[h.rng.IntN(3)], Basis: OnConsent}
	c.ID, c.CreatedAt, c.At = ident.New(), day(now), day(now)
	for _, i := range g {
		c.Seq = max(c.Seq, h.heads[i]+1)
		if i != g[0] {
			c.Covers = append(c.Covers, h.ids[i])
		}
	}
	for _, i := range g {
		h.heads[i] = c.Seq
	}
	c.State = []State{Given, Given, Given, Refused, Withdrawn, Objected}[h.rng.IntN(6)]
	if h.rng.IntN(3) == 0 {
		c.At = day(now - h.rng.IntN(6)) // recorded later than said
	}
	if c.State == Given && h.rng.IntN(3) == 0 {
		c.Until = c.At.AddDate(0, 0, 1+h.rng.IntN(6))
	}
	h.records, h.group = append(h.records, c), append(h.group, g)
}

// oracle replays the history customer by customer, as a clerk with a card for each would keep it: a no is written on
// the card, a yes crosses out what stood there before it was said, and a yes that has ended crosses out nothing.
func (h *history) oracle(members []int, ch personal.Channel, at time.Time) State {
	type entry struct {
		state   State
		booked  time.Time
		crossed bool
	}
	cards := map[int][]*entry{}
	var anyYes, anyEnded bool
	for i, r := range h.records {
		if r.CreatedAt.After(at) || r.Channel != ch && r.Channel != "any" {
			continue
		}
		if r.State != Given {
			cards[h.group[i][0]] = append(cards[h.group[i][0]], &entry{state: r.State, booked: r.CreatedAt})
			continue
		}
		ended := !r.Until.IsZero() && r.Until.Compare(at) <= 0
		if mine := slices.Contains(members, h.group[i][0]); ended || r.At.After(at) {
			anyEnded = anyEnded || mine
			continue
		} else if mine {
			anyYes = true
		}
		for _, card := range h.group[i] {
			for _, e := range cards[card] {
				e.crossed = e.crossed || r.At.Compare(e.booked) >= 0
			}
		}
	}
	var last *entry
	objected := false
	for _, m := range members {
		for _, e := range cards[m] {
			if e.crossed {
				continue
			}
			objected = objected || e.state == Objected
			if last == nil || e.booked.After(last.booked) {
				last = e
			}
		}
	}
	switch {
	case objected:
		return Objected
	case last != nil:
		return "no"
	case anyYes:
		return Given
	case anyEnded:
		return Expired
	}
	return NotAsked
}

// disagrees looks for a difference between a law and the oracle at some instants of a history.
func (h *history) disagrees(l law, seen map[State]int) string {
	for _, members := range h.merged {
		var said []Consent
		for i, r := range h.records {
			if slices.Contains(members, h.group[i][0]) {
				said = append(said, r)
			}
		}
		h.rng.Shuffle(len(said), func(i, j int) { said[i], said[j] = said[j], said[i] })
		for _, at := range []time.Time{day(60), day(10 + h.rng.IntN(15)), day(10 + h.rng.IntN(15))} {
			want := h.oracle(members, ByEmail, at)
			got := l.fold(said, ByEmail, at).State
			seen[want]++
			if got == Refused || got == Withdrawn {
				got = "no"
			}
			if got != want {
				return fmt.Sprintf("at %s: have %s, want %s, of %+v", at.Format(time.DateOnly), got, want, said)
			}
		}
	}
	return ""
}

func TestFoldAgreesWithTheClerk(t *testing.T) {
	t.Parallel()

	rng := rand.New(rand.NewPCG(7, 11))
	seen := map[State]int{}
	total := 0
	for range 20000 {
		require.Empty(t, newHistory(rng).disagrees(defaultLaw(), seen))
	}
	for _, n := range seen {
		total += n
	}
	for _, s := range []State{NotAsked, Given, Expired, Objected, "no"} {
		t.Logf("%-9s %5.1f %%", s, 100*float64(seen[s])/float64(total))
		require.Greater(t, 100*seen[s], total, "too few cases of %s", s)
	}
}

// Each named mutant is one deliberate fault; the property above must find every one.
func TestFoldMutantsDie(t *testing.T) {
	t.Parallel()

	mutants := map[string]func(*law){
		"a yes counts from when it is recorded": func(l *law) {
			l.overrides = func(y, n *Consent) bool {
				return (n.Subject == y.Subject || slices.Contains(y.Covers, n.Subject)) && y.Seq > n.Seq
			}
		},
		"a no counts from when it was said": func(l *law) {
			l.overrides = func(y, n *Consent) bool {
				return (n.Subject == y.Subject || slices.Contains(y.Covers, n.Subject)) && y.Seq > n.Seq && !y.At.Before(n.At)
			}
		},
		"the order of recording is ignored": func(l *law) {
			l.overrides = func(y, n *Consent) bool {
				return (n.Subject == y.Subject || slices.Contains(y.Covers, n.Subject)) && !y.At.Before(n.CreatedAt)
			}
		},
		"merging makes a no of the other vanish": func(l *law) {
			l.overrides = func(y, n *Consent) bool { return y.Seq > n.Seq && !y.At.Before(n.CreatedAt) }
		},
		"a yes after merging is for one customer only": func(l *law) {
			l.overrides = func(y, n *Consent) bool {
				return n.Subject == y.Subject && y.Seq > n.Seq && !y.At.Before(n.CreatedAt)
			}
		},
		"a yes of the same instant does not count": func(l *law) {
			l.overrides = func(y, n *Consent) bool {
				return (n.Subject == y.Subject || slices.Contains(y.Covers, n.Subject)) && y.Seq > n.Seq && y.At.After(n.CreatedAt)
			}
		},
		"nothing overrides a no": func(l *law) { l.overrides = func(_, _ *Consent) bool { return false } },
		"a yes never ends":       func(l *law) { l.holds = func(y *Consent, at time.Time) bool { return !y.At.After(at) } },
		"a yes holds at its very end": func(l *law) {
			l.holds = func(y *Consent, at time.Time) bool {
				return !y.At.After(at) && (y.Until.IsZero() || !at.After(y.Until))
			}
		},
		"every channel is the same": func(l *law) {
			l.heard = func(c *Consent, _ personal.Channel, at time.Time) bool { return !c.CreatedAt.After(at) }
		},
		"what is said of every channel is not heard": func(l *law) {
			l.heard = func(c *Consent, ch personal.Channel, at time.Time) bool {
				return c.Channel == ch && !c.CreatedAt.After(at)
			}
		},
		"what is recorded later is known before": func(l *law) {
			l.heard = func(c *Consent, ch personal.Channel, _ time.Time) bool {
				return c.Channel == ch || c.Channel == ByAnything
			}
		},
	}
	for name, mutate := range mutants {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()

			l := defaultLaw()
			mutate(&l)
			rng := rand.New(rand.NewPCG(7, 11))
			for i := range 20000 {
				if newHistory(rng).disagrees(l, map[State]int{}) != "" {
					t.Logf("killed by history %d", i+1)
					return
				}
			}
			t.Fatal("the mutant lives")
		})
	}
}

// The machine is total: every state meets every event.
func TestFoldTransitions(t *testing.T) {
	t.Parallel()

	id := ident.New()
	record := func(seq int, s State, recorded, said, until int) Consent {
		c := Consent{Subject: id, Seq: int64(seq), State: s, Channel: ByAnything, Basis: OnConsent, At: day(said)}
		c.ID, c.CreatedAt = ident.New(), day(recorded)
		if until > 0 {
			c.Until = day(until)
		}
		return c
	}
	before := map[State][]Consent{
		NotAsked:  nil,
		Given:     {record(1, Given, 10, 10, 30)},
		Expired:   {record(1, Given, 10, 10, 15)},
		Refused:   {record(1, Refused, 10, 10, 0)},
		Withdrawn: {record(1, Given, 10, 10, 0), record(2, Withdrawn, 11, 11, 0)},
		Objected:  {record(1, Objected, 10, 10, 0)},
	}
	events := []struct {
		name string
		say  []Consent
		at   int
	}{
		{"give", []Consent{record(3, Given, 20, 20, 0)}, 20},
		{"import an old yes", []Consent{record(3, Given, 20, 5, 0)}, 20},
		{"refuse", []Consent{record(3, Refused, 20, 20, 0)}, 20},
		{"withdraw", []Consent{record(3, Withdrawn, 20, 20, 0)}, 20},
		{"object", []Consent{record(3, Objected, 20, 20, 0)}, 20},
		{"wait", nil, 40},
	}
	want := map[State][]State{
		NotAsked:  {Given, Given, Refused, Withdrawn, Objected, NotAsked},
		Given:     {Given, Given, Refused, Withdrawn, Objected, Expired},
		Expired:   {Given, Given, Refused, Withdrawn, Objected, Expired},
		Refused:   {Given, Refused, Refused, Withdrawn, Objected, Refused},
		Withdrawn: {Given, Withdrawn, Refused, Withdrawn, Objected, Withdrawn},
		Objected:  {Given, Objected, Objected, Objected, Objected, Objected},
	}
	for _, s := range States() {
		require.Equal(t, s, fold(before[s], ByEmail, day(20)).State)
		for i, e := range events {
			said := append(slices.Clone(before[s]), e.say...)
			require.Equal(t, want[s][i], fold(said, ByEmail, day(e.at)).State, "%s: %s", s, e.name)
		}
	}
}

func TestFoldNamesItsEvidence(t *testing.T) {
	t.Parallel()

	a, b := ident.New(), ident.New()
	said := []Consent{
		{Subject: a, Seq: 1, State: Given, Channel: ByEmail, Basis: OnConsent, At: day(1)},
		{Subject: a, Seq: 2, State: Given, Channel: ByAnything, Basis: OnSoftOptIn, At: day(2), Until: day(9)},
		{Subject: b, Seq: 1, State: Withdrawn, Channel: ByEmail, At: day(3)},
		{Subject: b, Seq: 2, State: Refused, Channel: ByEmail, At: day(4)},
	}
	for i := range said {
		said[i].ID, said[i].CreatedAt = ident.New(), said[i].At
	}
	require.Equal(t, Standing{State: NotAsked}, fold(said, BySMS, day(1)))
	require.Equal(t, Standing{State: Given, Basis: OnSoftOptIn, Since: day(2), Until: day(9), Evidence: []ident.ID{said[1].ID}},
		fold(said[:2], ByEmail, day(5)))
	require.Equal(t, Standing{State: Refused, Since: day(4), Evidence: []ident.ID{said[2].ID, said[3].ID}}, fold(said, ByEmail, day(5)))
	require.Equal(t, Standing{State: Expired, Since: day(9), Evidence: []ident.ID{said[1].ID}}, fold(said[1:2], ByEmail, day(9)))
}

// TestDecisionTable is total over purposes, states, suppressions and addresses.
func TestDecisionTable(t *testing.T) {
	t.Parallel()

	// In the order of States: not asked, given, expired, refused, withdrawn, objected.
	want := map[personal.Purpose]string{
		Marketing:  "not_asked consent expired refused withdrawn objected",
		Analytics:  "not_asked consent expired refused withdrawn objected",
		Sales:      "legitimate_interest consent legitimate_interest refused withdrawn objected",
		Service:    "contract consent contract contract contract contract",
		Billing:    "contract contract contract contract contract contract",
		Security:   "legal_duty legal_duty legal_duty legal_duty legal_duty legal_duty",
		Legal:      "legal_duty legal_duty legal_duty legal_duty legal_duty legal_duty",
		SubjectAsk: "legal_duty legal_duty legal_duty legal_duty legal_duty legal_duty",
		Operations: "no_basis no_basis no_basis no_basis no_basis objected",
	}
	purposes := DefaultPurposes()
	require.Len(t, want, len(purposes.Names()))
	for _, name := range purposes.Names() {
		p, _ := purposes.Get(name)
		row := strings.Fields(want[name])
		for i, state := range States() {
			st := Standing{State: state, Since: day(5)}
			if state == Given {
				st.Basis = OnConsent
			}
			for _, sup := range []*Suppression{nil, {Cause: Complained, Since: day(4)}, {Cause: Complained, Since: day(5)}, {Cause: Complained, Since: day(6)}, {Cause: Bounced, Since: day(4)}} {
				for _, address := range []bool{true, false} {
					r, b, _ := decide(facts{purpose: p, standing: st, suppressed: sup, address: address})
					expect := row[i]
					blocked := sup != nil && name != Legal && name != SubjectAsk
					switch {
					case blocked && (state != Given || sup.Cause != Complained || sup.Since != day(4)):
						expect = "suppressed"
					case !address && Basis(expect).Valid():
						expect = "no_address"
					}
					got := string(r)
					if r == IsAllowed {
						got = string(b)
					}
					require.Equal(t, expect, got, "%s, %s, %+v, address %v", name, state, sup, address)
				}
			}
		}
	}
	p, _ := purposes.Get(Marketing)
	r, _, _ := decide(facts{purpose: p, standing: Standing{State: Given, Basis: OnContract}, address: true})
	require.Equal(t, NoBasis, r)
	for _, r := range []Reason{UnknownSubject, IsSuppressed, HasObjected, NoBasis, HasRefused, HasWithdrawn, HasExpired, WasNotAsked, NoAddress, IsAllowed} {
		require.NotEqual(t, Reason("").Sentence(), r.Sentence())
	}
}
