package main

import (
	"flag"
	"strings"

	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/privacy"
)

// options are the flags that several commands share.
type options struct {
	db, keys, tenant, as, purpose string
	json                          bool
}

const (
	defaultDB      = "crm.db"
	defaultTenant  = "default"
	defaultActor   = "system:rapport-cli"
	defaultPurpose = string(privacy.Operations)
	keysVariable   = "RAPPORT_KEYS"
)

func (o *options) register(fs *flag.FlagSet, shared bool) {
	fs.BoolVar(&o.json, "json", false, "print JSON for programs")
	if !shared {
		return
	}
	fs.StringVar(&o.db, "db", defaultDB, "SQLite `file`, or the postgres:// address of a database")
	fs.StringVar(&o.keys, "keys", "", "key `file`; beside a SQLite file its name with .keys, else the variable "+keysVariable)
	fs.StringVar(&o.tenant, "tenant", defaultTenant, "whose records, by the tenant's `id`")
	fs.StringVar(&o.as, "as", defaultActor, "who acts: system:NAME, or a `user` as ID:ROLE,ROLE@TEAM,TEAM")
	fs.StringVar(&o.purpose, "purpose", defaultPurpose, "why personal data is processed: a `word` such as sales, service or operations")
}

// principal reads --tenant and --as.
func (o *options) principal() (ident.Principal, error) {
	if m := ident.HostID(o.tenant); m != "" {
		return ident.Principal{}, usage("--tenant %s", m)
	}
	if name, ok := strings.CutPrefix(o.as, "system:"); ok {
		if m := ident.HostID(name); m != "" {
			return ident.Principal{}, usage("--as: the system's name %s", m)
		}
		return ident.System(o.tenant, name), nil
	}
	id, rights, _ := cutLast(o.as, ":")
	roles, teams, _ := strings.Cut(rights, "@")
	if m := ident.HostID(id); m != "" {
		return ident.Principal{}, usage("--as: the user's id %s: want ID, ID:ROLE,ROLE or ID:ROLE@TEAM", m)
	}
	return ident.User(o.tenant, id, words(roles)...).InTeams(words(teams)...), nil
}

// why reads --purpose.
func (o *options) why() (personal.Purpose, error) {
	if m := ident.HostID(o.purpose); m != "" {
		return "", usage("--purpose %s", m)
	}
	return personal.Purpose(o.purpose), nil
}

// postgres reports whether --db is an address and not a file: a URL, or pairs such as "host=/tmp dbname=shop".
func (o *options) postgres() bool {
	return o.url() || strings.Contains(o.db, "dbname=") || strings.HasPrefix(o.db, "host=")
}

func (o *options) url() bool {
	return strings.HasPrefix(o.db, "postgres://") || strings.HasPrefix(o.db, "postgresql://")
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func words(s string) []string {
	var out []string
	for _, w := range strings.Split(s, ",") {
		if w = strings.TrimSpace(w); w != "" {
			out = append(out, w)
		}
	}
	return out
}
