package service_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/service"
)

func ExampleDefaultSLA() {
	sla := service.DefaultSLA()
	for _, p := range []service.Priority{service.Urgent, service.Normal} {
		fmt.Println(p, sla.Targets[p].FirstResponse, sla.Targets[p].Resolution)
	}
	// Output:
	// urgent 4h0m0s 48h0m0s
	// normal 24h0m0s 120h0m0s
}

func TestSLAFindsEveryBreach(t *testing.T) {
	t.Parallel()

	require.NoError(t, service.DefaultSLA().Validate())
	for name, c := range map[string]struct {
		change func(s *service.SLA)
		want   string
	}{
		"no version":     {func(s *service.SLA) { s.Version = "" }, "version"},
		"warning":        {func(s *service.SLA) { s.WarnPercent = 100 }, "warn_percent"},
		"no targets":     {func(s *service.SLA) { s.Targets = nil }, "targets"},
		"priority":       {func(s *service.SLA) { s.Targets["ASAP!"] = s.Targets["urgent"] }, "targets"},
		"no time at all": {func(s *service.SLA) { s.Targets["urgent"] = service.Target{Resolution: time.Hour} }, "targets.urgent.first_response"},
		"too much time": {func(s *service.SLA) {
			s.Targets["normal"] = service.Target{FirstResponse: time.Hour, Resolution: 1 << 62}
		}, "targets.normal.resolution"},
		"time runs back":  {func(s *service.SLA) { s.Targets["normal"] = service.Target{FirstResponse: -1, Resolution: 1} }, "targets.normal.first_response"},
		"warning is late": {func(s *service.SLA) { s.WarnPercent = -1 }, "warn_percent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := service.DefaultSLA()
			c.change(&s)
			var f *fault.Error
			require.ErrorAs(t, s.Validate(), &f)
			var fields []string
			for _, v := range f.Violations {
				fields = append(fields, v.Field)
			}
			require.Contains(t, fields, c.want)
		})
	}
}

func TestCasesDescribeThemselves(t *testing.T) {
	t.Parallel()

	cs := work.Find(service.Kinds(), service.EntityCase).Entity
	require.Subset(t, cs.SortFields(), []string{"first_response_due", "resolution_due", "created_at"})
	for _, name := range []string{"subject", "body"} {
		f, ok := cs.Field(name)
		require.True(t, ok)
		require.True(t, f.Class.Sealed())
	}
}

func TestNewWantsItsParts(t *testing.T) {
	t.Parallel()

	require.Panics(t, func() { service.New(service.Config{}) })
}
