package event_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/event"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
)

// TestEventsHoldNoPersonalText looks at the type: an event can carry ids, names, instants and small facts, and there
// is no place in it for a personal.Text or for any value of unknown type.
func TestEventsHoldNoPersonalText(t *testing.T) {
	t.Parallel()

	allowed := map[reflect.Type]bool{
		reflect.TypeFor[ident.ID]():          true,
		reflect.TypeFor[time.Time]():         true,
		reflect.TypeFor[event.Kind]():        true,
		reflect.TypeFor[personal.Purpose]():  true,
		reflect.TypeFor[ident.Principal]():   true,
		reflect.TypeFor[ident.Ref]():         true,
		reflect.TypeFor[[]ident.Ref]():       true,
		reflect.TypeFor[[]string]():          true,
		reflect.TypeFor[map[string]string](): true,
		reflect.TypeFor[string]():            true,
		reflect.TypeFor[int64]():             true,
		reflect.TypeFor[int]():               true,
	}
	typ := reflect.TypeFor[event.Event]()
	for f := range fields(typ) {
		require.True(t, allowed[f.Type], "field %s of type %s", f.Name, f.Type)
	}
}

func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}
