package customerstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/customer/activity"
)

// An interaction has several participants and stands on the timeline of each.
func TestC7Interactions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		ada, bob := l.person(t, "Ada", "", ""), l.person(t, "Bob", "", "")
		made, err := l.talks().Log(ctx, activity.InteractionDraft{
			Channel: personal.ByPhone, Direction: activity.Inbound, At: l.Now().Add(-time.Hour), Duration: 90 * time.Second,
			Subject: "Asks for a quote", Body: "12 booths\n\tby May 李", Outcome: "reached",
			Participants: []activity.Participant{{Customer: bob.ID, Role: "listener"}, {Customer: ada.ID, Role: "caller"}},
		})
		require.NoError(t, err)
		got, err := l.talks().Get(ctx, made.ID)
		require.NoError(t, err)
		for _, x := range []activity.Interaction{made, got} {
			require.Equal(t, "Asks for a quote", x.Subject.Reveal())
			require.Equal(t, "12 booths\n\tby May 李", x.Body.Reveal())
			require.Equal(t, l.Now().Add(-time.Hour), x.At)
			require.Equal(t, 90*time.Second, x.Duration)
			require.Equal(t, []activity.Participant{{Customer: bob.ID, Role: "listener"}, {Customer: ada.ID, Role: "caller"}}, x.Participants)
			require.Equal(t, "reached", x.Outcome)
		}
		require.NotContains(t, fmt.Sprintf("%+v", got), "quote")
		for _, id := range []ident.ID{ada.ID, bob.ID} {
			line, err := l.talks().Timeline(ctx, id, page.Query{})
			require.NoError(t, err)
			require.Len(t, line.Items, 1)
			require.Equal(t, "Asks for a quote", line.Items[0].Interaction.Subject.Reveal())
			require.Len(t, line.Items[0].Interaction.Participants, 2)
		}
		viewer := ident.User("acme", "eve", "viewer")
		line, err := l.talking(viewer).Timeline(ctx, ada.ID, page.Query{})
		require.NoError(t, err)
		for _, e := range line.Items {
			require.NotNil(t, e.Interaction)
			require.Equal(t, personal.Masked, e.Interaction.Subject.State())
		}
		seen, err := l.talking(viewer).Page(ctx, activity.InteractionFilter{})
		require.NoError(t, err)
		for _, x := range seen.Items {
			require.Equal(t, personal.Masked, x.Body.State())
		}
	})
}

// A form that is sent twice, or by two servers, is one interaction.
func TestC7AnInteractionIsLoggedOnceForOneKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ada := l.person(t, "Ada", "", "")
		s := scope(admin)
		s.Once = "call-1"
		d := activity.InteractionDraft{
			Channel: personal.ByPhone, Direction: activity.Inbound, Subject: "Asks", Participants: []activity.Participant{{Customer: ada.ID}},
		}
		first, err := l.act.Interactions(&s).Log(t.Context(), d)
		require.NoError(t, err)
		again, err := l.act.Interactions(&s).Log(t.Context(), d)
		require.NoError(t, err)
		require.Equal(t, first.ID, again.ID)
		d.Subject = "Asks for more"
		_, err = l.act.Interactions(&s).Log(t.Context(), d)
		require.ErrorIs(t, err, fault.ErrConflict)
		line, err := l.talks().Timeline(t.Context(), ada.ID, page.Query{})
		require.NoError(t, err)
		require.Len(t, line.Items, 1)
	})
}

func TestInteractionRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ada := l.person(t, "Ada", "", "")
		good := activity.InteractionDraft{Channel: personal.ByPhone, Direction: activity.Inbound, Participants: []activity.Participant{{Customer: ada.ID}}}
		for field, change := range map[string]func(d *activity.InteractionDraft){
			"channel":                  func(d *activity.InteractionDraft) { d.Channel = personal.ByAnything },
			"direction":                func(d *activity.InteractionDraft) { d.Direction = "sideways" },
			"at":                       func(d *activity.InteractionDraft) { d.At = l.Now().AddDate(1, 0, 0) },
			"duration":                 func(d *activity.InteractionDraft) { d.Duration = -1 },
			"body":                     func(d *activity.InteractionDraft) { d.Body = "\x00" },
			"participants":             func(d *activity.InteractionDraft) { d.Participants = nil },
			"participants[0].customer": func(d *activity.InteractionDraft) { d.Participants = []activity.Participant{{}} },
			"participants[1].customer": func(d *activity.InteractionDraft) { d.Participants = append(d.Participants, d.Participants[0]) },
		} {
			d := good
			change(&d)
			_, err := l.talks().Log(t.Context(), d)
			require.ErrorIs(t, err, fault.ErrInvalid, field)
			f, _ := errors.AsType[*fault.Error](err)
			require.Equal(t, field, f.Field)
		}
		good.Participants = append(good.Participants, activity.Participant{Customer: ident.New()})
		_, err := l.talks().Log(t.Context(), good)
		require.ErrorIs(t, err, fault.ErrNotFound)
		f, _ := errors.AsType[*fault.Error](err)
		require.Equal(t, "participants[1].customer", f.Field)
	})
}

// Pages of lists and timelines join up, newest first, however many interactions share an instant.
func TestPagesOfInteractions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx, ada, bob := t.Context(), l.person(t, "Ada", "", ""), l.person(t, "Bob", "", "")
		var want []ident.ID
		for i := range 23 {
			who := ada.ID
			if i%4 == 3 {
				who = bob.ID
			}
			x, err := l.talks().Log(ctx, activity.InteractionDraft{Channel: personal.ByEmail, Direction: activity.Outbound,
				At: l.Now().Add(time.Duration(i/5) * time.Second), Participants: []activity.Participant{{Customer: who}}})
			require.NoError(t, err)
			if who == ada.ID {
				want = append([]ident.ID{x.ID}, want...)
			}
		}
		var listed, lined []ident.ID
		for x, err := range l.talks().All(ctx, activity.InteractionFilter{Customer: ada.ID, Query: page.Query{Sort: "-at", Limit: 4}}) {
			require.NoError(t, err)
			listed = append(listed, x.ID)
		}
		require.Equal(t, want, listed)
		for cursor := ""; ; {
			p, err := l.talks().Timeline(ctx, ada.ID, page.Query{Limit: 4, Cursor: cursor})
			require.NoError(t, err)
			for _, e := range p.Items {
				lined = append(lined, e.Record.ID)
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		require.Equal(t, want, lined)
		p, err := l.talks().Timeline(ctx, ada.ID, page.Query{Limit: 1})
		require.NoError(t, err)
		_, err = l.talks().Timeline(ctx, bob.ID, page.Query{Cursor: p.Next})
		require.ErrorIs(t, err, fault.ErrInvalid, "a cursor of another timeline")
		_, err = l.talks().Timeline(ctx, ada.ID, page.Query{Cursor: "x"})
		require.ErrorIs(t, err, fault.ErrInvalid)
	})
}

// Entries whose record the caller may not see are left out, and do not end the timeline.
func TestTimelineLeavesOutWhatIsNotYours(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		ann, bob := ident.User("acme", "ann", "sales").InTeams("north"), ident.User("acme", "bob", "manager").InTeams("south")
		ada, err := l.as(ann).Create(ctx, customer.PersonDraft{Given: "Ada"})
		require.NoError(t, err)
		log := func(p ident.Principal, n int) {
			for range n {
				l.Advance(time.Second)
				_, err := l.talking(p).Log(ctx, activity.InteractionDraft{Channel: personal.ByEmail, Direction: activity.Outbound,
					Participants: []activity.Participant{{Customer: ada.ID}}})
				require.NoError(t, err)
			}
		}
		log(ann, 3)
		log(bob, 9)
		log(ann, 2)
		var mine []activity.Entry
		for cursor := ""; ; {
			p, err := l.talking(ann).Timeline(ctx, ada.ID, page.Query{Limit: 2, Cursor: cursor})
			require.NoError(t, err)
			mine = append(mine, p.Items...)
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		require.Len(t, mine, 5)
		for _, e := range mine {
			require.Equal(t, "ann", e.OwnerUser)
		}
		all, err := l.talks().Timeline(ctx, ada.ID, page.Query{})
		require.NoError(t, err)
		require.Len(t, all.Items, 14)
	})
}
