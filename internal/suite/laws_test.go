package suite_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/schema"
	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
	"github.com/rapport-crm/rapport/pipeline"
)

// eachVerb runs a law for every method, on every database, each in a tenant of its own.
func eachVerb(t *testing.T, law func(w *world, v *verb)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		list := verbs()
		for i := range list {
			law(w.in(list[i].name), &list[i])
		}
		t.Logf("%s: %d methods", w.Backend.Name, len(list))
	})
}

// records finds the records in what a method returned, at any depth.
func records(v any) (out []schema.Aggregate) {
	walk(reflect.ValueOf(v), func(rec schema.Aggregate) { out = append(out, rec) })
	return out
}

func walk(v reflect.Value, found func(rec schema.Aggregate)) {
	if !v.IsValid() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		walk(v.Elem(), found)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			walk(v.Index(i), found)
		}
	case reflect.Struct:
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		if rec, ok := copied.Interface().(schema.Aggregate); ok {
			found(rec)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				walk(v.Field(i), found)
			}
		}
	default:
	}
}

// Every record that a method returns has passed the mask: a role that does not see who created a record sees nobody.
func TestNothingLeavesUnmasked(t *testing.T) {
	t.Parallel()
	eachVerb(t, func(w *world, v *verb) {
		run := v.arrange(w)
		got, err := run(w.Context(), w.as(roleBlind))
		require.NoError(w, err, v.name)
		for _, rec := range records(got) {
			require.Contains(w, rec.Base().Hidden, "created_by", v.name)
			require.Empty(w, rec.Base().CreatedBy, v.name)
		}
	})
}

// Who may change records and not read them is told which record it was, and nothing else, whatever the method changes.
func TestWhoOnlyWritesLearnsNothing(t *testing.T) {
	t.Parallel()
	eachVerb(t, func(w *world, v *verb) {
		run := v.arrange(w)
		got, _ := run(w.Context(), w.as(roleWriter))
		for _, rec := range records(got) {
			text, err := json.Marshal(personal.Revealed(rec))
			require.NoError(w, err)
			shown := map[string]json.RawMessage{}
			require.NoError(w, json.Unmarshal(text, &shown))
			for field, value := range shown {
				if field != "id" && field != "version" && field != "hidden" {
					require.Contains(w, []string{"null", `""`, "0", "false", "[]", "{}", `{"entity":"","id":""}`, `"0001-01-01T00:00:00Z"`}, string(value), "%s: %s", v.name, field)
				}
			}
		}
	})
}

// errBack takes back what a call has done.
var errBack = errors.New("taken back")

// A method that is called from another tenant finds nothing of this one, says that it is not there, and changes nothing.
func TestNobodyReachesAnotherTenant(t *testing.T) {
	t.Parallel()
	eachVerb(t, func(w *world, v *verb) {
		run := v.arrange(w)
		before := w.dump()
		own := w.ids()
		other := w.in("umbrella")
		_ = other.s.InTx(w.Context(), func(ctx context.Context, s *crm.Session) error {
			got, err := run(ctx, s)
			if code := fault.CodeOf(err); code != "" {
				require.Contains(w, []fault.Code{fault.NotFound, fault.Invalid}, code, "%s: %v", v.name, err)
				require.NotEqual(w, fault.Conflict, code, "%s says that it is there", v.name)
			}
			for _, rec := range records(got) {
				require.False(w, own[rec.Base().ID], "%s shows %s", v.name, rec.Base().ID)
			}
			return errBack
		})
		w.requireSame(before, v.name)
	})
}

// ids are the ids of all records of the tenant, without those of which every tenant has one under the same id.
func (w *world) ids() map[ident.ID]bool {
	out := map[ident.ID]bool{}
	for _, row := range w.query("SELECT record_id FROM crm_audit WHERE tenant_id = '" + w.tenant + "'") {
		raw := strings.TrimSuffix(row, "|")
		id, err := ident.Parse(raw)
		if err != nil {
			id = ident.ID([]byte(raw)) // SQLite keeps bytes
		}
		if id[0] != 0 {
			out[id] = true
		}
	}
	return out
}

// Who has no role is denied everything, and nothing is written.
func TestWithoutRightsNothingHappens(t *testing.T) {
	t.Parallel()
	open := []string{"Schema.Fields", "Schema.Layout", "Settings.Get", "Pipelines.Get", "Pipelines.Page", "Pipelines.All"}
	eachVerb(t, func(w *world, v *verb) {
		run := v.arrange(w)
		before := w.dump()
		_, err := run(w.Context(), w.as())
		if !slices.Contains(open, v.name) || err != nil {
			require.ErrorIs(w, err, fault.ErrDenied, v.name)
		}
		w.requireSame(before, v.name)
	})
}

// Who may load nothing is told so, also when there is no row, or none that can be read.
func TestALoadOfNothingIsGuarded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, nobody := t.Context(), w.as()
		w.withBoats()
		for name, load := range map[string]func(s *crm.Session) error{
			"customers": func(s *crm.Session) error { return loads(ctx, s.Customers.Load) },
			"talks":     func(s *crm.Session) error { return loads(ctx, s.Interactions.Load) },
			"leads":     func(s *crm.Session) error { return loads(ctx, s.Leads.Load) },
			"deals":     func(s *crm.Session) error { return loads(ctx, s.Opportunities.Load) },
			"cases":     func(s *crm.Session) error { return loads(ctx, s.Cases.Load) },
			"boats":     func(s *crm.Session) error { return loads(ctx, s.Objects("boat").Load) },
		} {
			require.NoError(t, load(w.s), name)
			require.ErrorIs(t, load(nobody), fault.ErrDenied, name)
		}
	})
}

// loads loads no row, then one that cannot be read, and returns the first error.
func loads[D any](ctx context.Context, load func(context.Context, iter.Seq2[D, error], *work.LoadOptions) (work.LoadReport, error)) error {
	_, err := load(ctx, rowsOf[D](), nil)
	_, other := load(ctx, func(yield func(D, error) bool) { yield(*new(D), errBack) }, nil)
	if (err == nil) != (other == nil) {
		return fmt.Errorf("without rows %w, with a bad one %w", err, other)
	}
	return err
}

// A write under an idempotency key takes effect once: repeated, it returns the same record and writes nothing; the key
// serves no other write.
func TestAKeyTakesEffectOnce(t *testing.T) {
	t.Parallel()
	eachVerb(t, func(w *world, v *verb) {
		if v.is != writes {
			return
		}
		run, key := v.arrange(w), w.next()
		first, err := run(w.Context(), w.s.Once(key))
		require.NoError(w, err, v.name)
		before := w.dump()
		second, err := run(w.Context(), w.s.Once(key))
		require.NoError(w, err, v.name)
		w.requireSame(before, v.name+" repeated")
		a, b := records(first), records(second)
		require.Len(w, b, len(a), v.name)
		for i := range a {
			require.Equal(w, a[i].Base().ID, b[i].Base().ID, v.name)
			require.Equal(w, a[i].Base().Version, b[i].Base().Version, v.name)
		}
		_, err = w.s.Once(key).Leads.Create(w.Context(), pipeline.LeadDraft{Origin: "another write"})
		require.ErrorIs(w, err, fault.ErrConflict, v.name)
		w.requireSame(before, v.name+" with another's key")
	})
}

// What a transaction takes back leaves nothing; what it keeps is as if it had been written outside.
func TestATransactionTakesBackEverything(t *testing.T) {
	t.Parallel()
	eachVerb(t, func(w *world, v *verb) {
		if v.alone {
			return
		}
		run := v.arrange(w)
		before := w.dump()
		require.ErrorIs(w, w.s.InTx(w.Context(), func(ctx context.Context, s *crm.Session) error {
			_, err := run(ctx, s)
			require.NoError(w, err, v.name)
			return errBack
		}), errBack, v.name)
		w.requireSame(before, v.name)
		if v.is != tends {
			_, err := run(w.Context(), w.s)
			require.NoError(w, err, "%s again", v.name)
		}
	})
}

// Each write is in the audit with its operation, and has an event with the same version; a read has neither.
func TestWritesLeaveATrace(t *testing.T) {
	t.Parallel()
	eachVerb(t, func(w *world, v *verb) {
		run := v.arrange(w)
		audits, events := w.count("crm_audit"), w.count("crm_event")
		_, err := run(w.Context(), w.s)
		require.NoError(w, err, v.name)
		switch v.is {
		case reads:
			require.Equal(w, audits, w.count("crm_audit"), v.name)
			require.Equal(w, events, w.count("crm_event"), v.name)
		case writes:
			require.Greater(w, w.count("crm_audit"), audits, v.name)
			require.Greater(w, w.count("crm_event"), events, v.name)
		default:
		}
	})
}

func (w *world) count(table string) (n int) {
	w.Helper()
	row := w.Write.QueryRowContext(w.Context(), "SELECT count(*) FROM "+table+" WHERE tenant_id = '"+w.tenant+"'")
	require.NoError(w, row.Scan(&n))
	return n
}

// A write that names the version it saw is refused when the record has moved on: with the version that is stored now, or,
// of a record that is gone, as not there. Nothing is written.
func TestAStaleVersionIsRefused(t *testing.T) {
	t.Parallel()
	list := slices.DeleteFunc(verbs(), func(v verb) bool { return !versioned(&v) })
	require.Greater(t, len(list), 10)
	eachVerb(t, func(w *world, v *verb) {
		if !versioned(v) {
			return
		}
		run := v.arrange(w)
		_, err := run(w.Context(), w.s)
		require.NoError(w, err, v.name)
		before := w.dump()
		_, err = run(w.Context(), w.s)
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == fault.Conflict {
			require.Positive(w, f.Current, v.name)
		} else {
			require.ErrorIs(w, err, fault.ErrNotFound, v.name)
		}
		w.requireSame(before, v.name)
	})
}

// versioned reports whether a method changes the record of a version that its caller saw.
func versioned(v *verb) bool {
	if v.is != writes || v.name == "Opportunities.SwitchVersion" || v.name == "Cases.Escalate" { // their numbers are a pipeline's version and a level
		return false
	}
	facade, method, _ := strings.Cut(v.name, ".")
	its := map[string]reflect.Type{"Campaigns": reflect.TypeFor[campaign.Campaigns](), "Objects": reflect.TypeFor[object.Objects]()}[facade]
	if its == nil {
		field, _ := reflect.TypeFor[crm.Session]().FieldByName(facade)
		its = field.Type
	}
	m, _ := its.MethodByName(method)
	for i := range m.Type.NumIn() {
		if m.Type.In(i) == reflect.TypeFor[int64]() {
			return true
		}
	}
	return false
}

// A bad value is named under an idempotency key too, by its field.
func TestABadArgumentUnderAKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		d := talkWith(w.person().ID)
		d.At = time.Unix(math.MaxInt64/2, 0)
		for _, s := range []*crm.Session{w.s, w.s.Once("k")} {
			_, err := s.Interactions.Log(w.Context(), d)
			requireAt(w, err, fault.Invalid, "at", "log")
		}
		_, err := w.s.Once("k").Interactions.Log(w.Context(), talkWith(w.person().ID))
		require.NoError(t, err, "the key was not used")
	})
}
