package date_test

import (
	"fmt"
	"log"
	"time"

	"github.com/rapport-crm/rapport/core/date"
)

func ExampleParse() {
	d, err := date.Parse("2026-01-31")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(d, d.Weekday(), d.AddMonths(1))

	_, err = date.Parse("31/01/2026")
	fmt.Println(err)
	// Output:
	// 2026-01-31 Saturday 2026-02-28
	// invalid: want a calendar day written as 2006-01-02
}

func ExampleFromTime() {
	at := time.Date(2026, time.May, 1, 20, 0, 0, 0, time.UTC)
	fmt.Println(date.FromTime(at, time.FixedZone("Asia/Shanghai", 8*60*60)))
	// Output: 2026-05-02
}

func ExampleOf() {
	_, err := date.Of(2026, time.February, 30)
	fmt.Println(err)
	// Output: invalid: no such day in the calendar
}
