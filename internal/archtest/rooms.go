package archtest

import "slices"

// module is the path all our packages begin with.
const module = "github.com/rapport-crm/rapport"

// room is one row of the table.
//
// Patterns are prefixes of whole path elements when they end in "/...", exact
// otherwise. Those of own packages are relative to the module; one that begins
// with "!" takes back what another allows.
type room struct {
	name string // the package pattern, relative to the module
	own  []string
	libs []string // third-party packages, imported directly

	// reach is what third-party packages may be reached by any path; nil is no
	// limit but never. Standard library and own packages do not count.
	reach []string

	// never are packages, own and third-party, that no path may lead to.
	never []string

	// testing rooms are made for tests and may import the test libraries.
	testing bool
}

var (
	uuid    = "github.com/google/uuid"
	decimal = "github.com/govalues/decimal"
	text    = "golang.org/x/text/..."
	idna    = "golang.org/x/net/idna"
	proto   = "google.golang.org/protobuf/..."
	sqlite  = "modernc.org/..."
	bun     = "github.com/uptrace/bun/..."
	tink    = []string{"github.com/tink-crypto/tink-go/v2/...", "github.com/transparency-dev/merkle/...", "golang.org/x/mod/sumdb/..."}
	cel     = []string{"github.com/google/cel-go/...", "cel.dev/..."}
	grpc    = []string{"google.golang.org/grpc/...", "github.com/hashicorp/go-plugin/..."}
	pgx     = []string{"github.com/jackc/pgx/v5/..."}
	drivers = list(pgx, sqlite)

	testLibs = []string{
		"github.com/stretchr/testify/...", "pgregory.net/rapid", "go.uber.org/goleak", "github.com/anishathalye/porcupine/...",
	}
)

// Own packages, by the words of the table. The engine of rules is not part of
// core where the table says "core except rule/cel".
var (
	coreAll  = []string{"core/..."}
	core     = []string{"core/...", "!core/rule/cel"}
	domains  = []string{"customer/...", "pipeline/...", "service/...", "privacy/..."}
	below    = list(domains, coreAll, "plugin", "internal/store/...", "internal/outbox", "internal/boundary", "internal/module")
	exported = list(coreAll, domains, "plugin/...", "crm/...")
	wire     = []string{"plugin/pluginserve", "plugin/pluginhost", "plugin/proto"}

	light = []string{uuid, decimal} // what core costs
	words = list(light, text, idna) // what a domain costs
	heavy = list(bun, cel, grpc, drivers, "crm/...", "internal/...")
)

// rooms is the table. The first row that matches a package counts.
var rooms = []room{
	{name: "core/rule/cel", own: core, libs: list(cel, proto, "google.golang.org/genproto/googleapis/api/expr/..."), never: list(bun, grpc, drivers)},
	{name: "core/money", own: core, libs: []string{decimal}, reach: light},
	{name: "core/ident", own: core, libs: []string{uuid}, reach: light},
	// Imports know kinds and not domains: what is particular to a domain comes with its target.
	{name: "core/transfer", own: core, reach: light, never: list(domains, heavy)},
	{name: "core/...", own: core, reach: light},

	// The phone library is a family member's: who imports customer alone does not pay for it.
	{name: "customer", own: list(core, "customer/..."), libs: []string{text, idna}, reach: words, never: heavy},
	{
		name: "customer/phone", own: list(core, "customer/..."), libs: []string{text, idna, "github.com/nyaruka/phonenumbers"},
		reach: list(words, proto, "github.com/nyaruka/phonenumbers"), never: heavy,
	},
	{
		name: "customer/...", own: list(core, "customer/..."), libs: []string{text, idna},
		reach: list(words, proto, "github.com/nyaruka/phonenumbers"), never: heavy,
	},
	{name: "pipeline/...", own: list(core, "pipeline/..."), libs: []string{text, idna}, reach: words, never: heavy},
	{name: "service/...", own: list(core, "service/..."), libs: []string{text, idna}, reach: words, never: heavy},
	{name: "privacy/access", own: list(core, "privacy"), reach: list(light, tink, proto, "golang.org/x/crypto/...", "golang.org/x/sys/..."), never: heavy},
	{
		name: "privacy/keys", own: core, libs: []string{"github.com/tink-crypto/tink-go/v2/..."},
		reach: list(light, tink, proto, "golang.org/x/crypto/...", "golang.org/x/sys/..."), never: heavy,
	},
	{
		name: "privacy/...", own: list(core, "privacy/..."), libs: tink,
		reach: list(light, tink, proto, "golang.org/x/crypto/...", "golang.org/x/sys/..."), never: heavy,
	},

	{name: "plugin", own: core, reach: light, never: list(heavy, domains)},
	{
		name: "plugin/plugintest", own: list(coreAll, "plugin/..."), libs: list(grpc, proto, "github.com/hashicorp/go-hclog", "golang.org/x/sys/..."),
		never: list(domains, bun, drivers, "crm/...", "internal/..."), testing: true,
	},
	{
		name: "plugin/...", own: list(coreAll, "plugin/..."), libs: list(grpc, proto, "github.com/hashicorp/go-hclog", "golang.org/x/sys/..."),
		never: list(domains, bun, drivers, "crm/...", "internal/..."),
	},

	{name: "internal/dbtest", own: []string{"..."}, libs: []string{"..."}, testing: true},
	{name: "internal/faults", own: []string{"..."}, libs: []string{"..."}, testing: true},
	{name: "internal/suite/...", own: []string{"..."}, libs: []string{"..."}, testing: true},
	{name: "internal/archtest", libs: []string{"..."}, testing: true},
	{name: "internal/bench/...", own: []string{"..."}, libs: []string{"..."}, testing: true},
	{
		name: "internal/store/...", own: list(domains, coreAll, "plugin", "internal/store/...", "internal/outbox"), libs: []string{bun},
		never: list(drivers, grpc, "crm/...", wire),
	},
	{name: "internal/module", own: list(domains, coreAll, "internal/store"), never: list(drivers, grpc, "crm/...", wire)},
	{
		name: "internal/outbox", own: list(domains, coreAll, "plugin", "internal/store/..."), libs: []string{bun},
		never: list(drivers, grpc, "crm/...", wire),
	},
	{name: "internal/boundary", own: list(domains, coreAll, "plugin"), never: list(bun, grpc, drivers, "crm/...", wire)},

	// A driver's adapter speaks core's words (faults, rule columns); that of SQLite opens the keys beside the file.
	{
		name: "crm/sqlite", own: list(core, "crm", "privacy/keys", "internal/store/..."), libs: []string{sqlite},
		never: list(pgx, grpc, wire, "crm/postgres"),
	},
	{
		name: "crm/postgres", own: list(core, "crm", "internal/store/..."), libs: pgx,
		never: list(sqlite, grpc, wire, "crm/sqlite"),
	},
	// Hosts' tests run on SQLite, so this one room of the roof reaches a driver.
	{name: "crm/crmtest", own: list(below, "crm", "crm/sqlite"), libs: []string{bun}, never: list(pgx, grpc, wire), testing: true},
	{name: "crm", own: below, libs: []string{bun}, never: list(drivers, grpc, wire)},
	{name: "crm/selfservice", own: list(below, "crm"), libs: []string{bun}, never: list(drivers, grpc, wire)},
	{name: "crm/console", own: list(below, "crm", "crm/selfservice"), libs: []string{bun}, never: list(drivers, grpc, wire)},

	{name: "cmd/...", own: list(exported, "cmd/...", "examples/...", "internal/bench/..."), libs: drivers},
	{name: "examples/...", own: list(exported, "examples/..."), libs: drivers},
}

// list joins patterns, single ones and lists of them.
func list(parts ...any) []string {
	var all []string
	for _, part := range parts {
		switch p := part.(type) {
		case string:
			all = append(all, p)
		case []string:
			all = append(all, p...)
		}
	}
	return slices.Clip(all)
}
