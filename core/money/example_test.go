package money_test

import (
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/money"
)

func ExampleParse() {
	a, err := money.Parse("10000.00 EUR")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.Minor, a.Currency, a)

	_, err = money.Parse("10.000 EUR")
	fmt.Println(err)
	// Output:
	// 1000000 EUR 10000.00 EUR
	// invalid: want at most 2 decimals for EUR
}

func ExampleNew() {
	a, err := money.New(1999, "JPY")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a)
	// Output: 1999 JPY
}

func ExampleAmount_Allocate() {
	parts, err := money.MustParse("100.00 EUR").Allocate(1, 1, 1)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(parts)
	// Output: [33.34 EUR 33.33 EUR 33.33 EUR]
}

func ExampleAmount_Percent() {
	vat, err := money.MustParse("99.50 EUR").Percent("19")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(vat)
	// Output: 18.90 EUR
}
