package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/pipeline"
)

func breaches(t *testing.T, err error) map[string]string {
	t.Helper()
	var f *fault.Error
	require.ErrorAs(t, err, &f)
	require.Equal(t, fault.Invalid, f.Code)
	out := map[string]string{}
	for _, v := range f.Violations {
		out[v.Field] = v.Message
	}
	return out
}

func TestStandardIsValid(t *testing.T) {
	t.Parallel()

	require.NoError(t, pipeline.Standard().Validate())
}

func TestValidateFindsEveryBreach(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		change func(d *pipeline.Definition)
		want   string
	}{
		"key":                   {func(d *pipeline.Definition) { d.Key = "Std Pipeline" }, "key"},
		"no key":                {func(d *pipeline.Definition) { d.Key = "" }, "key"},
		"name":                  {func(d *pipeline.Definition) { d.Name = "a\x00b" }, "name"},
		"long name":             {func(d *pipeline.Definition) { d.Name = strings.Repeat("ü", 101) }, "name"},
		"no stages":             {func(d *pipeline.Definition) { d.Stages = nil }, "stages"},
		"many stages":           {func(d *pipeline.Definition) { d.Stages = make([]pipeline.Stage, 51) }, "stages"},
		"no won":                {func(d *pipeline.Definition) { d.Stages[4].Category = "" }, "stages"},
		"first is won":          {func(d *pipeline.Definition) { d.Stages[0], d.Stages[4] = d.Stages[4], d.Stages[0] }, "stages[0].category"},
		"first is omitted":      {func(d *pipeline.Definition) { d.Stages[0].Category = pipeline.Omitted }, "stages[0].category"},
		"stage key":             {func(d *pipeline.Definition) { d.Stages[1].Key = "Zwei" }, "stages[1].key"},
		"stage twice":           {func(d *pipeline.Definition) { d.Stages[1].Key = d.Stages[0].Key }, "stages[1].key"},
		"category":              {func(d *pipeline.Definition) { d.Stages[1].Category = "maybe" }, "stages[1].category"},
		"won is not certain":    {func(d *pipeline.Definition) { d.Stages[4].Probability = 9999 }, "stages[4].probability"},
		"lost has hope":         {func(d *pipeline.Definition) { d.Stages[5].Probability = 1 }, "stages[5].probability"},
		"probability too high":  {func(d *pipeline.Definition) { d.Stages[1].Probability = 10001 }, "stages[1].probability"},
		"negative probability":  {func(d *pipeline.Definition) { d.Stages[1].Probability = -1 }, "stages[1].probability"},
		"gate id":               {func(d *pipeline.Definition) { d.Stages[2].Entry[0].ID = "" }, "stages[2].entry[0].id"},
		"gate twice":            {func(d *pipeline.Definition) { d.Stages[2].Entry = append(d.Stages[2].Entry, d.Stages[2].Entry[0]) }, "stages[2].entry[1].id"},
		"gate without a rule":   {func(d *pipeline.Definition) { d.Stages[2].Entry[0].Expr = "" }, "stages[2].entry[0].expr"},
		"gate message":          {func(d *pipeline.Definition) { d.Stages[2].Entry[0].Message = "\xff" }, "stages[2].entry[0].message"},
		"too many gates":        {func(d *pipeline.Definition) { d.Stages[2].Entry = make([]pipeline.Gate, 21) }, "stages[2].entry"},
		"stage name too long":   {func(d *pipeline.Definition) { d.Stages[0].Name = strings.Repeat("x", 101) }, "stages[0].name"},
		"stage name not UTF-8":  {func(d *pipeline.Definition) { d.Stages[0].Name = "\xc3" }, "stages[0].name"},
		"definition name UTF-8": {func(d *pipeline.Definition) { d.Name = "\xc3" }, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d := pipeline.Standard()
			c.change(&d)
			require.Contains(t, breaches(t, d.Validate()), c.want)
		})
	}
}

func TestEntitiesDescribeThemselves(t *testing.T) {
	t.Parallel()

	opp := work.Find(pipeline.Kinds(), pipeline.EntityOpportunity).Entity
	require.True(t, opp.HasCustom())
	require.Subset(t, opp.SortFields(), []string{"amount", "close_date", "probability", "stage_since"})
	name, ok := opp.Field("name")
	require.True(t, ok)
	require.True(t, name.Class.Personal())
}

func TestDefinitionComesBack(t *testing.T) {
	t.Parallel()

	p := pipeline.Pipeline{Key: "standard", Name: "Standard", Stages: pipeline.Standard().Stages}
	require.Equal(t, pipeline.Standard(), p.Definition())
	d := p.Definition()
	d.Stages[2].Entry[0].Expr = "true"
	require.Equal(t, pipeline.Standard().Stages, p.Stages, "a definition is a copy")
	st, ok := p.First(pipeline.Won)
	require.True(t, ok)
	require.Equal(t, "won", st.Key)
	_, ok = p.Stage("nowhere")
	require.False(t, ok)
}

func TestNewWantsItsParts(t *testing.T) {
	t.Parallel()

	require.Panics(t, func() { pipeline.New(pipeline.Config{}) })
}
