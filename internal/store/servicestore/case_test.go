package servicestore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/service"
)

func TestV1DueTimesOfComplaints(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		start := l.Now()
		urgent, normal := l.open(t, service.Urgent), l.open(t, "")
		require.Equal(t, start.Add(4*time.Hour), urgent.FirstResponseDue)
		require.Equal(t, start.Add(48*time.Hour), urgent.ResolutionDue)
		require.Equal(t, service.Normal, normal.Priority)
		require.Equal(t, start.Add(24*time.Hour), normal.FirstResponseDue)
		require.Equal(t, start.Add(120*time.Hour), normal.ResolutionDue)
		require.Equal(t, service.StateNew, urgent.State)
		require.Equal(t, "default-1", urgent.Policy)

		berlin, err := time.LoadLocation("Europe/Berlin")
		require.NoError(t, err)
		local := urgent.ResolutionDue.In(berlin)
		require.Equal(t, "2026-03-29T11:00:00+02:00", local.Format(time.RFC3339), "48 elapsed hours over the change of the hour")
		require.Equal(t, "2026-03-27T10:00:00+01:00", start.In(berlin).Format(time.RFC3339))
	})
}

func TestTextsAreSealedUnderTheCustomersKey(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		cs := l.open(t, service.Urgent)
		require.NotContains(t, fmt.Sprintf("%+v", cs), "smokes")
		_, err := l.Pause(ctx, cs.ID, "waits for the serial number")
		require.NoError(t, err)
		for _, q := range []string{"SELECT subject FROM crm_case", "SELECT body FROM crm_case", "SELECT note FROM crm_case_entry WHERE note IS NOT NULL"} {
			var raw []byte
			require.NoError(t, l.Write.QueryRowContext(ctx, q).Scan(&raw))
			require.NotEmpty(t, raw)
			for _, word := range []string{"smokes", "smells", "serial"} {
				require.NotContains(t, string(raw), word)
			}
		}
		got, err := l.Get(ctx, cs.ID)
		require.NoError(t, err)
		require.Equal(t, "Printer smokes", got.Subject.Reveal())
		require.Equal(t, "It smells, too.", got.Body.Reveal())

		subject, body := "Printer burns", ""
		up, err := l.Update(ctx, cs.ID, got.Version, service.CaseUpdate{Subject: &subject, Body: &body})
		require.NoError(t, err)
		require.Equal(t, "Printer burns", up.Subject.Reveal())
		got, err = l.Get(ctx, cs.ID)
		require.NoError(t, err)
		require.Equal(t, "Printer burns", got.Subject.Reveal())
		require.Equal(t, personal.Absent, got.Body.State())
		same, err := l.Update(ctx, cs.ID, 0, service.CaseUpdate{Subject: &subject})
		require.NoError(t, err)
		require.Equal(t, got.Version, same.Version)

		hist, err := l.History(ctx, cs.ID)
		require.NoError(t, err)
		var notes []string
		for _, e := range hist {
			if !e.Note.IsZero() {
				notes = append(notes, e.Note.Reveal())
			}
		}
		require.Equal(t, []string{"waits for the serial number"}, notes)

		_, err = l.Write.ExecContext(ctx, "DELETE FROM crm_subject_key")
		require.NoError(t, err)
		got, err = l.Get(ctx, cs.ID)
		require.NoError(t, err)
		_, err = got.Subject.Value()
		require.Error(t, err, "without the customer's key nothing opens")
		_, err = l.Resume(ctx, cs.ID)
		require.NoError(t, err, "and the case goes on")
	})
}

func TestOpenRefusesBadInput(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		_, err := l.Open(t.Context(), service.CaseDraft{Type: "Angry Letter", Priority: "asap", Subject: " \n", Body: "a\x00b"})
		var f *fault.Error
		require.ErrorAs(t, err, &f)
		var fields []string
		for _, v := range f.Violations {
			fields = append(fields, v.Field)
		}
		require.Equal(t, []string{"priority", "type", "customer", "subject", "body"}, fields)
		_, err = l.Open(t.Context(), service.CaseDraft{Customer: ident.New(), Subject: "x"})
		require.ErrorIs(t, err, fault.ErrNotFound)
		_, err = l.Get(t.Context(), ident.New())
		require.ErrorIs(t, err, fault.ErrNotFound)

		require.PanicsWithValue(t, "service: New wants an SLA that is valid: invalid: targets.low.first_response: want one second to ten years (and 1 more)", func() {
			service.New(service.Config{Engine: l.Engine, Store: nothing{}, SLA: &service.SLA{
				Version: "x", Targets: map[service.Priority]service.Target{"low": {}},
			}})
		})
	})
}

// nothing is a store that is never asked.
type nothing struct{ service.Store }

func TestAssignEscalateAndLists(t *testing.T) {
	t.Parallel()

	each(t, func(t *testing.T, l *lab) {
		ctx := t.Context()
		one := l.open(t, service.Normal)
		l.Advance(time.Minute)
		two := l.open(t, service.Urgent)
		two, err := l.Assign(ctx, two.ID, service.Assignment{User: "u-7", Team: "apac"})
		require.NoError(t, err)
		again, err := l.Assign(ctx, two.ID, service.Assignment{User: "u-7", Team: "apac"})
		require.NoError(t, err)
		require.Equal(t, two.Version, again.Version)
		esc, err := l.Escalate(ctx, one.ID, 2, "angry")
		require.NoError(t, err)
		require.EqualValues(t, 2, esc.Escalation)
		again, err = l.Escalate(ctx, one.ID, 1, "")
		require.NoError(t, err)
		require.Equal(t, esc.Version, again.Version)
		_, err = l.Escalate(ctx, one.ID, 10, "")
		require.ErrorIs(t, err, fault.ErrInvalid)

		ids := func(f service.CaseFilter) (out []ident.ID) {
			f.Query.Limit = 1
			for cs, err := range l.All(ctx, f) {
				require.NoError(t, err)
				out = append(out, cs.ID)
			}
			return out
		}
		require.Equal(t, []ident.ID{two.ID, one.ID}, ids(service.CaseFilter{Query: page.Query{Sort: "resolution_due"}}))
		require.Equal(t, []ident.ID{two.ID}, ids(service.CaseFilter{Assigned: service.Assignment{Team: "apac"}}))
		require.Equal(t, []ident.ID{one.ID}, ids(service.CaseFilter{Priority: service.Normal, Open: new(true), Customer: l.ada}))
		require.Empty(t, ids(service.CaseFilter{Breached: new(true)}))
		require.Len(t, ids(service.CaseFilter{Breached: new(false), Types: []service.Type{service.Complaint}}), 2)
		more := l.open(t, service.Urgent)
		_, err = l.Assign(ctx, more.ID, service.Assignment{User: "u-7", Team: "apac"})
		require.NoError(t, err)
		for range 8 {
			require.Len(t, ids(service.CaseFilter{Priority: service.Urgent, Assigned: service.Assignment{User: "u-7", Team: "apac"}}), 2)
		}
		_, err = l.Resolve(ctx, one.ID, "")
		require.NoError(t, err)
		require.Equal(t, []ident.ID{one.ID}, ids(service.CaseFilter{Open: new(false)}))
		require.Equal(t, []ident.ID{two.ID, more.ID}, ids(service.CaseFilter{States: []service.State{service.StateNew}}))

		viewer := l.svc.Cases(&work.Scope{Principal: ident.User(tenant, "v", "viewer"), Purpose: personal.Service})
		seen, err := viewer.Get(ctx, one.ID)
		require.NoError(t, err)
		require.Equal(t, personal.Masked, seen.Body.State())
		hist, err := viewer.History(ctx, one.ID)
		require.NoError(t, err)
		for _, e := range hist {
			require.Equal(t, personal.Masked, e.Note.State())
		}
		_, err = viewer.Start(ctx, two.ID)
		require.ErrorIs(t, err, fault.ErrDenied)
	})
}
