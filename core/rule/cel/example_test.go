package cel_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/rapport-crm/rapport/core/date"
	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/money"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/core/rule/cel"
	"github.com/rapport-crm/rapport/core/schema"
)

// Order is what the examples decide about.
type Order struct {
	Stage     string        `crm:"stage,class=none,enum=open|proposal|won"`
	Amount    money.Amount  `crm:"amount,class=none"`
	CloseDate date.Date     `crm:"close_date,class=none"`
	Contact   personal.Text `crm:"contact,class=name"`
}

var orders = schema.Of[Order]("order")

func Example() {
	engine, err := cel.New(cel.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	gate, err := engine.Compile(orders.Env(nil), rule.Source{
		ID:   "proposal",
		Expr: `amount >= money("10000 EUR") && close_date > today && has(contact)`,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	order := Order{Stage: "open", Amount: money.MustParse("7000.00 EUR"), Contact: personal.NewText(personal.Name, "Ada")}
	trace := gate.Explain(orders.Record(&order), rule.Input{Now: time.Date(2026, 3, 29, 10, 0, 0, 0, time.UTC)})
	fmt.Println(trace.Outcome)
	for _, c := range trace.Clauses {
		fmt.Printf("%-7s %s is %q, needs %s\n", c.Outcome, c.Field, c.Value, c.Need)
	}
	// Output:
	// false
	// false   amount is "7000.00 EUR", needs >= 10000.00 EUR
	// unknown close_date is "", needs > 2026-03-29
	// true    contact is "[name]", needs a value
}

func ExampleNew() {
	engine, err := cel.New(cel.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range engine.Check(orders.Env(nil), rule.Source{Expr: `stage == "propsal" && amount > 10000 && ammount != null`}) {
		fmt.Printf("%d-%d: %s\n", i.From, i.To, i.Message)
	}
	// Output:
	// 29-30: > does not take money and int: write money("10000.00 EUR")
	// 40-47: there is no field or argument "ammount": did you mean "amount"?
}

func ExampleEngine_Compile() {
	engine, err := cel.New(cel.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	env := orders.Env(map[string]rule.Type{"since": rule.TypeDate})
	where, err := engine.Compile(env, rule.Source{Expr: `close_date >= since && !(stage in ["won"])`})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := where.Predicate(rule.Input{Args: map[string]rule.Value{"since": rule.Date(date.MustParse("2026-01-01"))}})
	fmt.Println(p, err)

	_, err = engine.Compile(env, rule.Source{Expr: `stage = "won"`})
	f, _ := errors.AsType[*fault.Error](err)
	fmt.Println(f.Message)
	// Output:
	// close_date >= date("2026-01-01") && !(stage in ["won"]) <nil>
	// at 7: a single = is not an operator: compare with ==
}
