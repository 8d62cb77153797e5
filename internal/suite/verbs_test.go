package suite_test

import (
	"context"
	"iter"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer/object"
	"github.com/rapport-crm/rapport/internal/suite/campaign"
)

// verb is one method of a façade.
type verb struct {
	name string // the façade's field in a session and the method
	is   nature
	// alone says that it cannot be called inside a transaction.
	alone bool
	// arrange brings the tenant into a state in which the method succeeds, and returns its call.
	arrange func(w *world) call
}

// call calls a method, with arguments of the tenant that was arranged.
type call func(ctx context.Context, s *crm.Session) (any, error)

// nature is what a method does.
type nature uint8

const (
	reads   nature = iota // changes nothing
	writes                // changes one record, once under an idempotency key
	batches               // changes many records, each in its own way
	tends                 // changes something that no key covers: the queue, the schema, an access record
)

// verbs are all methods of all façades.
func verbs() []verb {
	return slices.Concat(customerVerbs, activityVerbs, leadVerbs, opportunityVerbs, pipelineVerbs, caseVerbs, consentVerbs, sendVerbs,
		schemaVerbs, claimVerbs, outboxVerbs, objectVerbs, campaignVerbs)
}

// elsewhere are methods that the laws do not call, and where they are tried instead.
var elsewhere = map[string]string{
	"Customers.Import":     "takes no context and reads no database; its target: package transfer",
	"Leads.Import":         "as Customers.Import",
	"Opportunities.Import": "as Customers.Import",
	"Cases.Import":         "as Customers.Import",
	"Objects.Import":       "as Customers.Import; its target: objects_test.go",
	"Campaigns.Import":     "as Customers.Import; its target: campaigns_test.go",
	"Plugins.Invoke":       "package boundary",
	"Plugins.Disclosed":    "package boundary",
	"Plugins.Manifests":    "takes no context and reads no database",
	"Outbox.Discard":       "package outbox",
	"Outbox.Replay":        "package outbox",
}

// Each method of each façade is in the table, once.
func TestEveryMethodIsUnderTheLaws(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, v := range verbs() {
		require.False(t, known[v.name], "%s is there twice", v.name)
		known[v.name] = true
	}
	for i, session := 0, reflect.TypeFor[crm.Session](); i < session.NumField(); i++ {
		if facade := session.Field(i); facade.IsExported() {
			covered(t, known, facade.Name, facade.Type)
		}
	}
	covered(t, known, "Objects", reflect.TypeFor[object.Objects]())
	covered(t, known, "Campaigns", reflect.TypeFor[campaign.Campaigns]())
	require.Empty(t, known, "no such methods")
}

func covered(t *testing.T, known map[string]bool, facade string, its reflect.Type) {
	t.Helper()
	for i := range its.NumMethod() {
		name := facade + "." + its.Method(i).Name
		_, other := elsewhere[name]
		require.NotEqual(t, known[name], other, "%s must be in a table of this package, or say where it is tried", name)
		delete(known, name)
	}
}

// on returns the results of a call without their type.
func on[T any](v T, err error) (any, error) { return v, err }

// only returns the results of a call that has no other than its error.
func only(err error) (any, error) { return nil, err }

// all reads a sequence to its end.
func all[T any](seq iter.Seq2[T, error]) (any, error) {
	var out []T
	for v, err := range seq {
		if err != nil {
			return out, err
		}
		out = append(out, v)
	}
	return out, nil
}

// rowsOf is what a load reads.
func rowsOf[T any](list ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, d := range list {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// few is a page of a list.
var few = page.Query{Limit: 50}
