package sample

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/customer"
)

// Nine in ten customers belong to one tenant, the others to nine small ones, as in a host with one large client.
const (
	BigTenant    = "tenant-0"
	SmallTenants = 9
	Users        = 50
	Teams        = 8
)

// ExtSystem is where the external ids of the customers come from.
const ExtSystem = "erp"

// Mark begins every external id, twelve digits follow. Peers find and renew it.
const Mark = "c-"

// People makes customers from a seed: customer number i is the same at each run.
type People struct {
	Seed uint64 // other seeds make other customers; 0 is one of them
}

// Tenant returns the tenant of customer number i.
func (p People) Tenant(i int) string {
	if i%10 != 9 {
		return BigTenant
	}
	return fmt.Sprintf("tenant-%d", 1+i/10%SmallTenants)
}

// Ext returns the external id of customer number i.
func (p People) Ext(i int) ident.Ext {
	return ident.Ext{System: ExtSystem, ID: fmt.Sprintf("%s%012d", Mark, i)}
}

// Draft returns customer number i: one in twelve is an organization, the others are people with e-mail and telephone.
func (p People) Draft(i int) customer.Draft {
	r := rand.New(rand.NewPCG(p.Seed, uint64(i))) //nolint:gosec // sample data
	s := &scripts[pickScript(r)]
	given, family := s.given[r.IntN(len(s.given))], s.family[r.IntN(len(s.family))]
	if len(s.ending) > 0 {
		family += s.ending[r.IntN(len(s.ending))]
	}
	user := r.IntN(Users)
	owner, team := fmt.Sprintf("u-%d", user), fmt.Sprintf("team-%d", user%Teams)
	points := []customer.PointDraft{
		{Channel: personal.ByEmail, Value: fmt.Sprintf("%s.%d@example%d.com", latin(given, "kontakt"), i, r.IntN(500)), Label: "work"},
		{Channel: personal.ByPhone, Value: fmt.Sprintf("%s%07d", s.prefix, r.IntN(10_000_000)), Label: "mobile"},
	}
	if i%12 == 11 {
		return customer.OrganizationDraft{
			Name: family + " & " + given, Language: s.language, Country: s.country, Points: points,
			Ext: []ident.Ext{p.Ext(i)}, OwnerUser: owner, OwnerTeam: team,
		}
	}
	return customer.PersonDraft{
		Given: given, Family: family, Language: s.language, Country: s.country, Points: points,
		Ext: []ident.Ext{p.Ext(i)}, OwnerUser: owner, OwnerTeam: team,
	}
}

// Name returns what somebody looking for customer number i would type.
func (p People) Name(i int) string {
	switch d := p.Draft(i).(type) {
	case customer.PersonDraft:
		return d.Given + " " + d.Family
	case customer.OrganizationDraft:
		return d.Name
	default:
		return ""
	}
}

func pickScript(r *rand.Rand) int {
	n := r.IntN(100)
	for i := range scripts {
		if n -= scripts[i].share; n < 0 {
			return i
		}
	}
	return 0
}

// latin keeps the ASCII letters of a name, or gives another word when there are too few.
func latin(name, otherwise string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < 'A' || r > 'z' || r > 'Z' && r < 'a' {
			return -1
		}
		return r
	}, name)
	if len(ascii) < 2 {
		return otherwise
	}
	return strings.ToLower(ascii)
}
