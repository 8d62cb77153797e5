// Package access is the default answer to who may do what: a table of roles, by entity and action, at the levels own,
// team and all, with fields that a role does not see or does not change.
//
//	roles := append(access.DefaultRoles(crm.Kinds()), access.Role{Name: "auditor", Rights: []access.Right{
//		{Entity: access.EveryEntity, Read: work.LevelAll},
//	}})
//	policy, err := access.New(roles, nil)
//	c, err := crm.New(ctx, db, postgres.Dialect, &crm.Config{KMS: kms, Policy: policy})
//
// Rights come on top of the purpose of the session, which masks for every role what it does not need.
//
// Start with [DefaultRoles] and [New]; a host with rights of its own implements [work.Policy] instead.
package access
