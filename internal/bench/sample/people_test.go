package sample

import (
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/rapport-crm/rapport/customer"
)

func TestPeopleAreTheSameAtEachRun(t *testing.T) {
	t.Parallel()

	one, again := People{Seed: 1}, People{Seed: 1}
	require.Equal(t, one.Draft(42), again.Draft(42))
	require.NotEqual(t, People{Seed: 1}.Draft(42), People{Seed: 2}.Draft(42))
}

// Every kind of customer occurs often enough to matter.
func TestPeopleAreVaried(t *testing.T) {
	t.Parallel()

	const n = 20_000
	p := People{Seed: 1}
	var organizations, big int
	names, tenants, written := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range n {
		if _, ok := p.Draft(i).(customer.OrganizationDraft); ok {
			organizations++
		}
		name := p.Name(i)
		names[name]++
		tenants[p.Tenant(i)]++
		for _, r := range name {
			for _, s := range []string{"Latin", "Han", "Hangul", "Cyrillic", "Arabic", "Devanagari"} {
				if unicode.Is(unicode.Scripts[s], r) {
					written[s]++
				}
			}
		}
		if p.Tenant(i) == BigTenant {
			big++
		}
	}
	require.InDelta(t, n/12, organizations, n/100)
	require.InDelta(t, n*9/10, big, n/100)
	require.Len(t, tenants, SmallTenants+1)
	require.Greater(t, len(names), n/3)
	require.Len(t, written, 6)
	for s, times := range written {
		t.Logf("%s: %d letters", s, times)
		require.Greater(t, times, n/100)
	}
}

func TestSharesOfScriptsAddUp(t *testing.T) {
	t.Parallel()

	sum := 0
	for _, s := range scripts {
		sum += s.share
	}
	require.Equal(t, 100, sum)
}
