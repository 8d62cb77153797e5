package main

import (
	"fmt"
	"io"
	"time"
)

// facts is what happened, as --json prints it. Every fact can be checked in the database that is left behind.
type facts struct {
	Imported imported `json:"imported"`
	Gate     gate     `json:"gate"`
	Consent  consent  `json:"consent"`
	Case     caseFact `json:"case"`
	Booth    booth    `json:"booth"`
	Plugin   process  `json:"plugin"`
}

type imported struct {
	Organizations int        `json:"organizations"`
	Persons       int        `json:"persons"`
	Opportunities int        `json:"opportunities"`
	Rejected      int        `json:"rejected"` // rows of the opportunities' file that were not imported
	Files         []tally    `json:"files"`    // the same for each file
	Faults        []rowFault `json:"faults"`   // at least one for each rejected row of any file; also ties that could not be made
}

// tally is what became of the rows of one file.
type tally struct {
	File     string `json:"file"`
	Rows     int    `json:"rows"` // without the header, and lines in which nothing stands
	Imported int    `json:"imported"`
	Rejected int    `json:"rejected"`
}

func (t *tally) count(ok bool) {
	t.Rows++
	if ok {
		t.Imported++
	} else {
		t.Rejected++
	}
}

type gate struct {
	Refused     bool   `json:"refused"`
	Clause      string `json:"clause"` // the first clause that refused
	Field       string `json:"field"`  // what it looks at
	PassedAfter bool   `json:"passed_after"`
}

type consent struct {
	Before verdict `json:"before"`
	After  verdict `json:"after"`
}

type verdict struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
}

type caseFact struct {
	Priority         string    `json:"priority"`
	OpenedAt         time.Time `json:"opened_at"`
	FirstResponseDue time.Time `json:"first_response_due"`
	ResolutionDue    time.Time `json:"resolution_due"`
}

type booth struct {
	SoldTo             string `json:"sold_to"` // customer id
	SecondBuyerRefused bool   `json:"second_buyer_refused"`
}

type process struct {
	PIDBefore int `json:"pid_before"`
	PIDAfter  int `json:"pid_after"`
	Effects   int `json:"effects"` // how often the event that was under way took effect
}

// story tells a person what happens. Its lines go to standard output, progress to standard error.
type story struct {
	out, progress io.Writer
	steps         int
	last          time.Time // when there was progress to tell
}

func (s *story) step(title string) {
	s.steps++
	s.last = time.Now()
	s.say("\n%d. %s", s.steps, title)
}

// say writes one line; a story that cannot be told does not end the work.
func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, format+"\n", args...)
}

// done tells how far a step is, once a second.
func (s *story) done(what string, n int) {
	if now := time.Now(); now.Sub(s.last) >= time.Second {
		s.last = now
		fmt.Fprintf(s.progress, "   … %d %s\n", n, what)
	}
}
