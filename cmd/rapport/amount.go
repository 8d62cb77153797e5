package main

import (
	"strconv"

	"github.com/rapport-crm/rapport/core/money"
)

// amount reads a value that is an amount of money, {"minor": …, "currency": …}.
func (n node) amount() (string, bool) {
	if len(n.keys) != 2 || n.keys[0] != "minor" || n.keys[1] != "currency" {
		return "", false
	}
	minor, err := strconv.ParseInt(n.list[0].text, 10, 64)
	if err != nil {
		return "", false
	}
	a, err := money.New(minor, n.list[1].text)
	return a.String(), err == nil
}
