package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/page"
	"github.com/rapport-crm/rapport/crm"
	"github.com/rapport-crm/rapport/customer"
	"github.com/rapport-crm/rapport/privacy"
	"github.com/rapport-crm/rapport/privacy/keys"
)

// database asks for the engine's version.
func (p *patient) database(ctx context.Context) {
	engine, query := "SQLite", "SELECT sqlite_version()"
	if p.c.postgres() {
		engine, query = "PostgreSQL", "SHOW server_version"
	}
	var version string
	if err := p.db.pools.Read.QueryRowContext(ctx, query).Scan(&version); err != nil {
		p.fail("database", err)
		return
	}
	p.say("database", fine, "%s: %s %s", p.c.place(), engine, version)
}

// settings asks the dialect whether the database is set up for it.
func (p *patient) settings(ctx context.Context) {
	if err := p.db.dialect.Check(ctx, p.db.pools.Write); err != nil {
		p.fail("settings", err)
		return
	}
	p.say("settings", fine, "as the CRM needs them")
}

// maxSkew is how far the clocks of host and database may be apart before due times are felt to be wrong.
const maxSkew = 2 * time.Second

// clock compares the database's clock with this machine's.
func (p *patient) clock(ctx context.Context) {
	if !p.c.postgres() {
		p.say("clock", fine, "%s; SQLite has none of its own", time.Now().UTC().Format(time.RFC3339))
		return
	}
	var theirs time.Time
	before := time.Now()
	if err := p.db.pools.Read.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		p.fail("clock", err)
		return
	}
	took := time.Since(before)
	skew := theirs.Sub(before.Add(took / 2)).Round(time.Millisecond)
	if skew.Abs() > maxSkew+took {
		p.say("clock", warning, "the database's clock differs by %s: due times are judged by this machine's", skew)
		return
	}
	p.say("clock", fine, "the database's clock differs by %s", skew)
}

func (p *patient) migrations(ctx context.Context) {
	var err error
	if p.modules, err = p.db.modules(ctx); err != nil {
		p.fail("migrations", err)
		return
	}
	pending, err := crm.Pending(ctx, p.db.pools.Write, p.db.dialect, p.modules...)
	switch {
	case err != nil:
		p.fail("migrations", err)
	case len(pending) > 0:
		p.say("migrations", failed, `%d missing, the first is %s: run "rapport migrate"`, len(pending), labels(pending)[0])
	default:
		p.say("migrations", fine, "%s", p.installed())
	}
}

// installed lists the modules of a database that misses no migration, and those it does without.
func (p *patient) installed() string {
	var have []crm.ModuleVersion
	var not []crm.Module
	for _, m := range newest() {
		if slices.Contains(p.modules, m.Module) {
			have = append(have, m)
		} else {
			not = append(not, m.Module)
		}
	}
	if not == nil {
		return versions(have)
	}
	return versions(have) + "; not installed: " + list(not)
}

// drift compares the tables with what the migrations made.
func (p *patient) drift(ctx context.Context) {
	probe, err := crm.New(ctx, p.db.pools.Write, p.db.dialect, &crm.Config{KMS: keys.NewMemory(), Modules: p.modules})
	if err == nil {
		err = probe.Check(ctx)
	}
	f, _ := errors.AsType[*fault.Error](err)
	switch {
	case err == nil:
		p.say("drift", fine, "the tables are as the migrations made them")
	case f != nil && f.Reason == "pending": // said already
	case f != nil && len(f.Violations) > 0:
		for _, v := range f.Violations {
			p.say("drift", failed, "%s", v.Message)
		}
	default:
		p.fail("drift", err)
	}
}

// keyFile looks at the file itself: there, private, readable.
func (p *patient) keyFile(context.Context) {
	path, err := p.c.keyFile()
	if err != nil {
		p.fail("key file", err)
		return
	}
	p.keyPath = path
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		p.kms, _ = keys.OpenFile(path) // an absent file can be opened; what it lacks shows below
		p.say("key file", warning, "%s is not there; a database without customers gets it with the first one", path)
		return
	}
	if err == nil {
		p.kms, err = keys.OpenFile(path)
	}
	if err != nil {
		p.fail("key file", err)
		return
	}
	p.say("key file", fine, "%s, mode %04o", path, st.Mode().Perm())
}

// open opens the CRM with what was found so far.
func (p *patient) open(ctx context.Context) {
	for _, f := range p.findings {
		if f.Name == "migrations" && f.Status == failed {
			return
		}
	}
	if p.kms == nil {
		return
	}
	var err error
	if p.crm, err = crm.NewPools(ctx, crm.Pools{Write: p.db.pools.Write, Read: p.db.pools.Read}, p.db.dialect, &crm.Config{KMS: presentKMS{p.kms}, Modules: p.modules}); err != nil {
		p.fail("crm", err)
	}
}

// session acts as --as says.
func (p *patient) session() *crm.Session {
	who, _ := p.c.principal() // read before
	return p.crm.As(who, privacy.Operations)
}

// sample is how many customers are opened to see whether the keys fit.
const sample = 20

// secrets opens some sealed values of the tenant.
func (p *patient) secrets(ctx context.Context) {
	const name = "keys"
	if p.crm == nil {
		return
	}
	s := p.session()
	n, err := s.Customers.Count(ctx, customer.Filter{})
	if err == nil && n == 0 {
		p.say(name, fine, "tenant %s has no customers yet", p.c.tenant)
		return
	}
	var list page.Page[customer.Customer]
	if err == nil {
		list, err = s.Customers.Page(ctx, customer.Filter{Query: page.Query{Sort: "-id", Limit: sample}})
	}
	opened := 0
	for _, rec := range list.Items {
		for _, point := range rec.Points {
			if _, e := point.Value.Value(); e != nil {
				err = errors.Join(err, e)
				continue
			}
			opened++
		}
	}
	switch {
	case leftOut(err):
		p.say(name, fine, "not looked at: the database has no customers")
	case fault.CodeOf(err) == fault.Denied:
		p.say(name, warning, "not looked at: the actor may not see customers")
	case err != nil:
		p.say(name, failed, "the keys do not open what is sealed in this database: %s", reasonOf(err))
	default:
		p.say(name, fine, "they open what is sealed (%d values of %d customers tried)", opened, len(list.Items))
	}
}

// queue counts what waits.
func (p *patient) queue(ctx context.Context) {
	if p.crm == nil {
		return
	}
	b, err := p.session().Outbox.Backlog(ctx)
	switch {
	case fault.CodeOf(err) == fault.Denied:
		p.say("queue", warning, "not looked at: the actor may not see it")
	case err != nil:
		p.fail("queue", err)
	default:
		p.say("queue", fine, "%d writes to hand out, %d deliveries due, %d later", b.Dispatch, b.Due, b.Later)
	}
}

// letters lists deliveries that were given up.
func (p *patient) letters(ctx context.Context) {
	if p.crm == nil {
		return
	}
	dead, err := p.session().Outbox.Dead(ctx, ident.ID{})
	switch {
	case fault.CodeOf(err) == fault.Denied: // said already
	case err != nil:
		p.fail("dead letters", err)
	case len(dead) == 0:
		p.say("dead letters", fine, "none")
	default:
		d := dead[0]
		p.say("dead letters", warning, "%d or more; the first is for %s, %s of %s, given up after %d attempts (%s)",
			len(dead), d.Consumer, d.Kind, d.Record, d.Attempts, d.Code)
	}
}
