// Package keys keeps what seals personal values, in three steps: a [KMS] holds secrets of tenants outside the database,
// they wrap a random key for each subject, and that seals the subject's values in their place.
//
//	kms, err := keys.OpenFile("/var/lib/shop/crm.db.keys") // or the host's own KMS
//	c, err := postgres.Open(ctx, dsn, &crm.Config{KMS: kms})
//
// Who has the database, or a backup of it, without the KMS reads no sealed value and tests no digest; destroying the
// key of a subject makes what was sealed for it unreadable in every backup, too. [Memory] is a KMS for tests.
//
// Start with [KMS]; [Ring] is what the stores seal and open with.
package keys
