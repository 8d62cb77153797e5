package proto_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	pb "google.golang.org/protobuf/proto"

	"github.com/rapport-crm/rapport/core/claim"
	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/proto"
)

// wired is a message as the other side reads it.
func wired[M pb.Message](t *testing.T, m, into M) M {
	t.Helper()
	b, err := pb.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, pb.Unmarshal(b, into))
	return into
}

func values() []rule.Value {
	euros, _ := money.New(-1, "EUR")
	return []rule.Value{
		rule.Blank, rule.Bool(false), rule.Bool(true), rule.Int(math.MinInt64), rule.Float(-0.5), rule.Text(""), rule.Text("你好"),
		rule.Time(time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC)), rule.Time(time.Unix(0, 0)), rule.Date(date.MustParse("0001-01-01")),
		rule.Date(date.MustParse("9999-12-31")), rule.Money(euros), rule.ID(ident.New()), rule.Texts([]string{"a", ""}), rule.Texts(nil),
	}
}

func TestValuesKeepTheirTypes(t *testing.T) {
	t.Parallel()

	for _, v := range values() {
		back, err := proto.ToValue(wired(t, proto.FromValue(v), &proto.Value{}))
		require.NoError(t, err, v)
		require.True(t, v.Equal(back), "%s %v, %s %v", v.Type(), v, back.Type(), back)
	}
}

func TestMalformedValuesAreRefused(t *testing.T) {
	t.Parallel()

	for _, v := range []*proto.Value{
		{Kind: &proto.Value_Float{Float: math.NaN()}}, {Kind: &proto.Value_Float{Float: math.Inf(1)}},
		{Kind: &proto.Value_Id{Id: []byte("short")}}, {Kind: &proto.Value_DateDays{DateDays: math.MaxInt64}},
		{Kind: &proto.Value_TimeUs{TimeUs: math.MinInt64}}, {Kind: &proto.Value_Money{Money: &proto.Money{Currency: "gold"}}},
		{Kind: &proto.Value_Money{}}, {Kind: &proto.Value_Text{Text: "\xff"}},
		{Kind: &proto.Value_Texts{Texts: &proto.Texts{List: []string{"\xff"}}}},
	} {
		_, err := proto.ToValue(v)
		require.Equal(t, fault.Invalid, fault.CodeOf(err), v)
	}
}

func TestEventsAndWritesCross(t *testing.T) {
	t.Parallel()

	ref := ident.Ref{Entity: "customer", ID: ident.New()}
	e := plugin.Event{
		ID: ident.New(), Kind: "customer.created", Record: ref, Version: 3, Ordinal: 2, At: time.UnixMicro(1).UTC(),
		Changed: []string{"name"}, Refs: []ident.Ref{ref, {Entity: "case"}}, Facts: map[string]string{"a": "b"},
		Data: plugin.NewRecord(ref, 3, map[string]plugin.Field{"name": {Class: personal.Name, Value: rule.Text("Ada")}}, "points"),
	}
	back, err := proto.ToEvent(wired(t, proto.FromEvent(e), &proto.Event{}))
	require.NoError(t, err)
	require.Equal(t, e, back)

	for _, w := range []plugin.Write{
		plugin.LogInteraction{Customer: ref.ID, Channel: personal.ByPhone, Direction: "inbound", At: time.UnixMicro(5).UTC(), Subject: "s", Body: "b"},
		plugin.Emit{Kind: "exh.sold", About: ref, Refs: []ident.Ref{ref}, Facts: map[string]string{"x": "y"}},
		plugin.Put{Key: "k", Value: []byte{0}}, plugin.CommitClaim{ID: ref.ID}, plugin.ReleaseClaim{ID: ref.ID},
	} {
		x, err := proto.FromWrite(w)
		require.NoError(t, err)
		back, err := proto.ToWrite(wired(t, x, &proto.Write{}))
		require.NoError(t, err)
		require.Equal(t, w, back)
	}
	_, err = proto.FromWrite(nil)
	require.ErrorIs(t, err, fault.ErrInvalid)
	_, err = proto.ToWrite(&proto.Write{})
	require.ErrorIs(t, err, fault.ErrInvalid)

	c := claim.Claim{Keys: []claim.Key{{Namespace: "n", Key: "k"}}, Holder: ref, State: claim.StateHeld, Until: time.UnixMicro(9).UTC()}
	c.ID, c.Version = ident.New(), 4
	claimed, err := proto.ToClaim(wired(t, proto.FromClaim(c), &proto.Claim{}))
	require.NoError(t, err)
	require.Equal(t, c, claimed)
}

func TestFaultsCross(t *testing.T) {
	t.Parallel()

	f := &fault.Error{
		Code: fault.Conflict, Op: "claim: acquire", Field: "exh.booth/A", Message: "taken", Reason: "taken", Current: 7,
		Clauses:    []fault.Clause{{Rule: "r", Field: "f", Value: "v", Need: "n", Outcome: "false", Message: "m"}},
		Violations: []fault.Violation{{Field: "f", Message: "m"}},
	}
	require.Equal(t, f, proto.ToFault(wired(t, proto.FromFault(f), &proto.Fault{})))
	require.NoError(t, proto.ToFault(proto.FromFault(nil)))

	secret := fault.Wrap(fault.Internal, errors.New("password=1"), "reading %s", "Ada")
	for _, err := range []error{secret, errors.New("password=1")} {
		back := proto.ToFault(proto.FromFault(err))
		require.Equal(t, fault.Internal, fault.CodeOf(back))
		require.NotContains(t, back.Error(), "password")
		require.NotContains(t, back.Error(), "Ada")
	}
	back := proto.ToFault(&proto.Fault{Code: "free_lunch", Message: strings.Repeat("x", 1<<20), Clauses: make([]*proto.Clause, 1000)})
	require.Equal(t, fault.Internal, fault.CodeOf(back))
	require.Less(t, len(back.Error()), 2000)
	require.ErrorIs(t, proto.ToFault(proto.FromFault(context.DeadlineExceeded)), &fault.Error{Code: fault.Unavailable, Reason: "deadline"})
}

func TestLost(t *testing.T) {
	t.Parallel()

	require.NoError(t, proto.Lost(nil))
	for code, want := range map[codes.Code]fault.Error{
		codes.Unavailable:       {Code: fault.Unavailable, Reason: "plugin_lost"},
		codes.DeadlineExceeded:  {Code: fault.Unavailable, Reason: "deadline"},
		codes.ResourceExhausted: {Code: fault.LimitExceeded, Reason: "message_size"},
		codes.Internal:          {Code: fault.Internal, Reason: "transport"},
	} {
		err := proto.Lost(status.Error(code, "Ada"))
		require.ErrorIs(t, err, &want)
		require.NotContains(t, err.Error(), "Ada")
	}
}

func TestRecoverTurnsAPanicIntoAStatus(t *testing.T) {
	t.Parallel()

	_, err := proto.Recover(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: "/x"}, func(context.Context, any) (any, error) { panic("Ada") })
	require.Equal(t, codes.Internal, status.Code(err))
	require.NotContains(t, err.Error(), "Ada")
}

// Whatever bytes come, decoding answers with a value or a fault.
func FuzzDecode(f *testing.F) {
	for _, v := range values() {
		b, err := pb.Marshal(&proto.InvokeReply{Output: map[string]*proto.Value{"x": proto.FromValue(v)}})
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var reply proto.InvokeReply
		if pb.Unmarshal(data, &reply) == nil {
			_, err := proto.ToValues(reply.GetOutput())
			require.Contains(t, []fault.Code{"", fault.Invalid}, fault.CodeOf(err))
			_ = proto.ToFault(reply.GetFault())
		}
		var e proto.Event
		if pb.Unmarshal(data, &e) == nil {
			_, err := proto.ToEvent(&e)
			require.Contains(t, []fault.Code{"", fault.Invalid}, fault.CodeOf(err))
		}
		var c proto.CommitRequest
		if pb.Unmarshal(data, &c) == nil {
			_, err := proto.ToWrites(c.GetWrites())
			require.Contains(t, []fault.Code{"", fault.Invalid}, fault.CodeOf(err))
		}
	})
}
