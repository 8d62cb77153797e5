package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
)

var codes = []fault.Code{
	fault.NotFound, fault.Invalid, fault.Conflict, fault.Denied, fault.NoConsent, fault.Gate,
	fault.Retryable, fault.CommitUnknown, fault.Unavailable, fault.LimitExceeded, fault.Internal,
}

func TestIsComparesCodeAndReason(t *testing.T) {
	t.Parallel()

	taken := fault.New(fault.Conflict, "taken")
	taken.Reason = "taken"
	err := fmt.Errorf("outer: %w", fault.At("claim: acquire", taken))
	require.ErrorIs(t, err, fault.ErrConflict)
	require.ErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "taken"})
	require.NotErrorIs(t, err, &fault.Error{Code: fault.Conflict, Reason: "expired"})
	require.NotErrorIs(t, err, fault.ErrInvalid)
	require.Equal(t, fault.Conflict, fault.CodeOf(err))
	require.Equal(t, fault.Internal, fault.CodeOf(errors.New("x")))
	require.Empty(t, fault.CodeOf(nil))
}

func TestAtNamesTheInnermostOperation(t *testing.T) {
	t.Parallel()

	require.NoError(t, fault.At("x", nil))
	inner := fault.New(fault.NotFound, "no such record")
	err := fault.At("customer: get", inner)
	require.EqualError(t, err, "customer: get: not found: no such record")
	require.Equal(t, err, fault.At("session: do", err))
	require.Empty(t, inner.Op, "the original is not touched")
	require.EqualError(t, fault.At("x", context.Canceled), "x: unavailable: the context was cancelled: context canceled")
	require.ErrorIs(t, fault.At("x", context.Canceled), context.Canceled)
}

func TestCauses(t *testing.T) {
	t.Parallel()

	cause := errors.New("disk full")
	require.NoError(t, fault.Wrap(fault.Internal, nil, "x"))
	err := fault.Wrap(fault.Unavailable, cause, "write the audit row")
	require.ErrorIs(t, err, cause)
	require.EqualError(t, err, "unavailable: write the audit row: disk full")
	require.ErrorIs(t, fault.New(fault.Internal, "at %d: %w", 3, cause), cause)
	require.EqualError(t, fault.New(fault.Internal, "at %d: %w", 3, cause), "internal: at 3: disk full")
}

func TestViolations(t *testing.T) {
	t.Parallel()

	var v fault.Violations
	require.NoError(t, v.Err())
	var inner fault.Violations
	inner.Add("value", "must not be empty")
	inner.Add("[2]", "twice")
	v.AddAll("points[0]", inner.Err())
	v.AddAll("amount", fault.Field("currency", "unknown"))
	v.AddAll("name", fault.New(fault.Invalid, "too long"))
	v.AddAll("", fault.Field("for", "too short"))
	v.AddAll("x", errors.New("plain"))
	v.AddAll("y", nil)

	f, ok := errors.AsType[*fault.Error](v.Err())
	require.True(t, ok)
	require.Equal(t, []fault.Violation{
		{Field: "points[0].value", Message: "must not be empty"},
		{Field: "points[0][2]", Message: "twice"},
		{Field: "amount.currency", Message: "unknown"},
		{Field: "name", Message: "too long"},
		{Field: "for", Message: "too short"},
		{Field: "x", Message: "plain"},
	}, f.Violations)
	require.Equal(t, "points[0].value", f.Field)
	require.EqualError(t, f, "invalid: points[0].value: must not be empty (and 5 more)")
	require.EqualError(t, fault.Under("ext", fault.Field("id", "must not be empty")), "invalid: ext.id: must not be empty")
	require.NoError(t, fault.Under("ext", nil))
}

func TestProblemOfEveryCode(t *testing.T) {
	t.Parallel()

	for _, code := range codes {
		for _, lang := range []string{"en", "zh", "", "fr", "en-GB", "zh-Hans-CN", "zh_TW", "ZH"} {
			p := fault.AsProblem(fault.At("secret: op", fault.New(code, "words")), lang)
			require.Equal(t, code, p.Code)
			require.NotEmpty(t, p.Title)
			require.NotEmpty(t, p.Detail)
			require.GreaterOrEqual(t, p.Status, 400)
			require.Equal(t, "urn:rapport:fault:"+string(code), p.Type)
			chinese := len(lang) > 1 && (lang[0] == 'z' || lang[0] == 'Z')
			require.Equal(t, chinese, p.Title[0] > 0x7f, "%s in %q", code, lang)
			b, err := json.Marshal(p)
			require.NoError(t, err)
			require.NotContains(t, string(b), "secret")
		}
	}
}

func TestProblemKeepsDefectsToItself(t *testing.T) {
	t.Parallel()

	cause := errors.New("pq: password authentication failed for user crm at 10.0.0.5")
	for _, err := range []error{
		cause,
		fault.At("op", cause),
		fault.Wrap(fault.Internal, cause, "dial %s", "10.0.0.5"),
		fault.Wrap(fault.Unavailable, cause, "dial 10.0.0.5"),
		fault.Wrap(fault.CommitUnknown, cause, "dial 10.0.0.5"),
		fault.Wrap(fault.Retryable, cause, "dial 10.0.0.5"),
		fault.Wrap(fault.Invalid, cause, "not a database"),
		&fault.Error{Code: "made_up", Message: "10.0.0.5", Field: "10.0.0.5", Reason: "10.0.0.5"},
		&fault.Error{Code: fault.Internal, Message: "10.0.0.5", Violations: []fault.Violation{{Field: "10.0.0.5"}}},
	} {
		b, e := json.Marshal(fault.AsProblem(err, "en"))
		require.NoError(t, e)
		require.NotContains(t, string(b), "10.0.0.5", "%v", err)
		require.NotContains(t, string(b), "password")
	}
	require.Equal(t, fault.Unavailable, fault.AsProblem(fault.At("op", context.DeadlineExceeded), "en").Code)
	require.Equal(t, fault.Unavailable, fault.AsProblem(context.Canceled, "en").Code)
	require.Equal(t, fault.Problem{}, fault.AsProblem(nil, "en"))
}

// No later try mends what is not installed. What the host would have to do is not for its users.
func TestProblemOfWhatIsNotInstalled(t *testing.T) {
	t.Parallel()

	err := fault.New(fault.Unavailable, "the module service is left out: name it in Config.Modules")
	err.Reason = "module"
	for lang, want := range map[string]string{"en": "This part is not installed here.", "de": "This part is not installed here.", "zh-CN": "此处未安装该功能。"} {
		p := fault.AsProblem(fault.At("case: open", err), lang)
		require.Equal(t, fault.Unavailable, p.Code)
		require.Equal(t, "module", p.Reason)
		require.Equal(t, want, p.Detail)
		b, err := json.Marshal(p)
		require.NoError(t, err)
		require.NotContains(t, string(b), "Config")
	}
	other := fault.New(fault.Unavailable, "no answer")
	other.Reason = "canceled"
	p := fault.AsProblem(other, "en")
	require.Empty(t, p.Reason)
	require.Contains(t, p.Detail, "try again later")
}

func TestQuoteIsShortAndVisible(t *testing.T) {
	t.Parallel()

	require.Equal(t, `"boat"`, fault.Quote("boat"))
	require.Equal(t, `"日本"`, fault.Quote("日本"))
	require.Equal(t, `"\x00\u202e\xff"`, fault.Quote("\x00\u202e\xff"))
	require.Equal(t, `"`+strings.Repeat("é", 80)+`"`, fault.Quote(strings.Repeat("é", 80)))
	require.Equal(t, `"`+strings.Repeat("é", 80)+`…"`, fault.Quote(strings.Repeat("é", 1<<20)))
}

func TestProblemShowsWhatToMend(t *testing.T) {
	t.Parallel()

	p := fault.AsProblem(fault.Field("points[1].value", "want an e-mail address"), "en")
	require.Equal(t, "points[1].value", p.Field)
	require.Equal(t, []fault.Violation{{Field: "points[1].value", Message: "want an e-mail address"}}, p.Violations)

	c := fault.New(fault.Conflict, "changed")
	c.Current = 7
	require.Equal(t, int64(7), fault.AsProblem(c, "en").Current)

	gate := fault.New(fault.Gate, "refused")
	gate.Clauses = []fault.Clause{
		{Outcome: "true", Message: "fine"},
		{Outcome: "false", Message: "Name the amount."},
		{Outcome: "unknown", Message: "Name the amount."},
		{Outcome: "unknown", Message: "Name a date."},
		{Outcome: "false"},
	}
	p = fault.AsProblem(gate, "zh")
	require.Equal(t, "Name the amount. Name a date.", p.Detail)
	require.Len(t, p.Clauses, 5)
}

func ExampleAsProblem() {
	err := fault.New(fault.Gate, "gate proposal-needs-amount refuses the move")
	err.Clauses = []fault.Clause{{Rule: "amount >= money(\"10000 EUR\")", Field: "amount", Need: ">= 10000.00 EUR", Outcome: "unknown"}}

	for _, lang := range []string{"en", "zh"} {
		p := fault.AsProblem(err, lang)
		fmt.Println(p.Status, p.Title, p.Detail, p.Clauses[0].Need)
	}
	// Output:
	// 422 A condition is not met The step was refused because a condition for it is not met. >= 10000.00 EUR
	// 422 条件未满足 该步骤的条件未满足，因此被拒绝。 >= 10000.00 EUR
}

func ExampleField() {
	fmt.Println(fault.Field("limit", "want 1 to %d, have %d", 1000, 5000))
	// Output: invalid: limit: want 1 to 1000, have 5000
}

func ExampleAt() {
	fmt.Println(fault.At("customer: get", fault.New(fault.NotFound, "no such customer")))
	// Output: customer: get: not found: no such customer
}

func TestAFaultDoesNotRepeatWhatWasPasted(t *testing.T) {
	t.Parallel()

	huge := strings.Repeat("x", 1<<20)
	var v fault.Violations
	for range 2 * fault.MaxViolations {
		v.Add("custom."+huge, "no such field %s", huge)
	}
	f, ok := errors.AsType[*fault.Error](v.Err())
	require.True(t, ok)
	require.Len(t, f.Violations, fault.MaxViolations)
	require.Less(t, len(f.Error()), 3000)
	require.Less(t, len(fault.Field(huge, "%s", huge).Error()), 3000)
	require.Equal(t, "a\uFFFDb", fault.Field("a\u202eb", "x").Field, "no text that turns the line around")
	require.Equal(t, "a\uFFFDb", fault.Field("a\xffb", "x").Field)
}
