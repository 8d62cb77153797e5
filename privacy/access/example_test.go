package access_test

import (
	"fmt"
	"log"

	"github.com/rapport-crm/rapport/core/work"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/privacy/access"
)

func ExampleNew() {
	roles := append(access.DefaultRoles(crm.Kinds()), access.Role{Name: "auditor", Rights: []access.Right{
		{Entity: access.EveryEntity, Read: work.LevelAll},
		{Entity: "customer", Read: work.LevelAll, Never: []string{"points"}},
	}})
	policy, err := access.New(roles, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Right("customer", "auditor").Hide)
	fmt.Println(policy.Right("customer", "auditor", "sales").Hide, policy.Right("customer", "auditor", "sales").Edit)
	// Output:
	// [points]
	// [points] team
}
