// Quickstart runs the CRM's main job from beginning to end in one process, on a database of its own:
//
//	go run ./examples/quickstart                  # a temporary SQLite file, the small data set beside this file
//	go run ./examples/quickstart --db crm.db      # keep the database; keys go to crm.db.keys
//	go run ./examples/quickstart --db postgres://… --keys crm.keys
//	go run ./examples/quickstart --data FOLDER    # the public data set "CRM Sales Opportunities"
//	go run ./examples/quickstart --json           # one JSON object with what happened
//
// It imports organizations, persons and opportunities; a stage gate refuses an opportunity and says why; marketing
// mail is refused until there is consent; a complaint gets its due times; a plugin process sells a booth once and is
// killed with an event under way, which takes effect exactly once after its restart.
//
// Start with main.go; each step has a file of its own.
package main
