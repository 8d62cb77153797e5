package suite_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/crm/postgres"
	"github.com/rapport-crm/rapport/internal/dbtest"
)

// cost is how many round trips to PostgreSQL a method takes.
type cost struct {
	own int // outside of a transaction, and in a host's pgx.Tx; under an idempotency key it takes one more
	sql int // in a host's *sql.Tx, where only writes can leave together
}

// usual is what most methods cost. A write loads its record and leaves the rest; on a *sql.Tx it has a savepoint, too.
var usual = map[nature]cost{reads: {1, 1}, writes: {2, 4}, tends: {2, 4}}

// unusual are the methods that cost something else.
var unusual = map[string]cost{
	"Customers.Create":            {1, 3},
	"Customers.Get":               {1, 2},
	"Customers.ByExt":             {2, 3},
	"Customers.ByPoint":           {3, 3},
	"Customers.Search":            {2, 2},
	"Customers.LifecycleHistory":  {1, 2},
	"Customers.Reveal":            {2, 5},
	"Customers.Update":            {2, 6},
	"Customers.Upsert":            {3, 6},
	"Customers.AddPoint":          {2, 5},
	"Customers.UpdatePoint":       {2, 5},
	"Customers.RemovePoint":       {2, 5},
	"Customers.MoveLifecycle":     {2, 5},
	"Customers.Delete":            {2, 5},
	"Customers.Restore":           {2, 6},
	"Customers.Relate":            {2, 5},
	"Customers.Relations":         {2, 2},
	"Interactions.Page":           {1, 2},
	"Interactions.Timeline":       {1, 2},
	"Leads.Page":                  {1, 2},
	"Leads.History":               {1, 2},
	"Leads.Convert":               {3, 6},
	"Opportunities.Create":        {2, 5},
	"Opportunities.Page":          {1, 2},
	"Opportunities.History":       {1, 2},
	"Opportunities.Move":          {3, 5},
	"Opportunities.Win":           {3, 5},
	"Opportunities.Lose":          {3, 5},
	"Opportunities.Reopen":        {3, 5},
	"Opportunities.SwitchVersion": {3, 5},
	"Pipelines.Define":            {2, 6},
	"Cases.Open":                  {3, 5},
	"Cases.Page":                  {1, 2},
	"Cases.History":               {1, 2},
	"Cases.Update":                {2, 5},
	"Consents.Give":               {3, 6},
	"Consents.Refuse":             {3, 6},
	"Consents.Withdraw":           {3, 6},
	"Consents.Object":             {3, 6},
	"Consents.Get":                {2, 2},
	"Consents.History":            {1, 2},
	"Consents.All":                {1, 2},
	"Consents.At":                 {1, 2},
	"Consents.Decide":             {2, 5},
	"Sends.Deliver":               {6, 0},
	"Sends.Decisions":             {2, 2},
	"Schema.Define":               {2, 5},
	"Schema.Retire":               {2, 5},
	"Schema.Fields":               {0, 0},
	"Schema.Layout":               {1, 2},
	"Claims.Acquire":              {1, 3},
	"Claims.Swap":                 {2, 5},
	"Schema.DefineObject":         {2, 5},
	"Schema.RetireObject":         {2, 5},
	"Objects.Page":                {1, 2},
	"Objects.All":                 {2, 2},
	"Objects.History":             {1, 2},
	"Campaigns.Create":            {1, 3},
	"Campaigns.Page":              {2, 2},
	"Campaigns.History":           {1, 2},
}

// costs returns what a method costs in a place.
func (v *verb) costs(place string) int {
	c, ok := unusual[v.name]
	if !ok {
		c = usual[v.is]
	}
	switch place {
	case inHostSQL:
		return c.sql
	case underKey:
		return c.own + 1
	}
	return c.own
}

// place is where a method runs.
type place struct {
	name  string
	count func(w *world, run call, trips *dbtest.Trips) (int, error)
}

// The names of places that have costs of their own.
const (
	alone     = "own"
	underKey  = "once"
	inHostPgx = "pgx.Tx"
	inHostSQL = "sql.Tx"
)

// places are where methods run: outside of a transaction, under an idempotency key, in a host's pgx.Tx and in its *sql.Tx.
func places(host *sql.DB) []place {
	return []place{
		{alone, func(w *world, run call, trips *dbtest.Trips) (int, error) {
			trips.Reset()
			_, err := run(w.Context(), w.s)
			return trips.Count(), err
		}},
		{underKey, func(w *world, run call, trips *dbtest.Trips) (int, error) {
			s := w.s.Once(w.next())
			trips.Reset()
			_, err := run(w.Context(), s)
			return trips.Count(), err
		}},
		{inHostPgx, inPgx},
		{inHostSQL, func(w *world, run call, trips *dbtest.Trips) (int, error) { return inSQL(w, host, run, trips) }},
	}
}

// Every method takes the round trips that the table says, neither more nor fewer.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	b, trips := dbtest.TripsBackend(t, modules()...)
	w := newWorld(t, b)
	host := stdlib.OpenDB(*b.Pool.Config().ConnConfig)
	defer host.Close()
	host.SetMaxOpenConns(1)
	for _, p := range places(host) {
		list := verbs()
		for i := range list {
			v := &list[i]
			if v.is == batches || v.alone && p.name != alone || v.is != writes && p.name == underKey {
				continue // how COPY travels depends on the time
			}
			n, want := v.least(w.in(v.name+" in "+p.name), p, trips), v.costs(p.name)
			t.Logf("%-8s %-28s %2d of %2d", p.name, v.name, n, want)
			if n != want {
				t.Errorf("%s in %s took %d round trips, want %d", v.name, p.name, n, want)
			}
		}
	}
}

// least returns the fewest round trips that a method takes in a tenant of its own, once statements are prepared and the
// tenant's caches are fresh, for which a look at the clock may come between.
func (v *verb) least(w *world, p place, trips *dbtest.Trips) int {
	least := math.MaxInt
	for range 4 {
		n, err := p.count(w, v.arrange(w), trips)
		require.NoError(w, err, "%s in %s", v.name, p.name)
		least = min(least, n)
	}
	return least
}

// inPgx counts a call in a host's pgx.Tx, without the host's own begin and commit.
func inPgx(w *world, run call, trips *dbtest.Trips) (n int, err error) {
	err = pgx.BeginFunc(w.Context(), w.Pool, func(tx pgx.Tx) error {
		trips.Reset()
		err := postgres.Join(w.Context(), w.s, tx, func(ctx context.Context, s *crm.Session) error {
			_, err := run(ctx, s)
			return err
		})
		n = trips.Count()
		return err
	})
	return n, err
}

// inSQL is inPgx for a host's *sql.Tx.
func inSQL(w *world, db *sql.DB, run call, trips *dbtest.Trips) (int, error) {
	tx, err := db.BeginTx(w.Context(), nil)
	if err != nil {
		return 0, err
	}
	trips.Reset()
	_, err = run(w.Context(), w.s.Join(tx))
	n := trips.Count()
	return n, errors.Join(err, tx.Commit())
}
