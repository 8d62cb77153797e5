package cel

import (
	"regexp"
	"slices"

	celgo "github.com/google/cel-go/cel"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// Config is how an [Engine] is made. Its zero value is good.
type Config struct {
	Programs int // compiled rules kept for reuse. Defaults to 2,000
	Scopes   int // environments (entity, schema version, arguments) kept for reuse. Defaults to 500
}

// Engine implements [rule.Compiler] with CEL. It is safe for concurrent use. Programs of equal source and equal
// [rule.Env.Print] are compiled once; an Env without a Print is never shared.
type Engine struct {
	base     *celgo.Env
	scopes   *cache[*scope]
	programs *cache[*program]
}

var _ rule.Compiler = (*Engine)(nil)

// New returns an engine. Its error is an Internal fault: the language itself did not load.
func New(c Config) (*Engine, error) {
	env, err := celgo.NewCustomEnv(base()...)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, err, "cel: the rule language does not load")
	}
	if c.Programs <= 0 {
		c.Programs = 2000
	}
	if c.Scopes <= 0 {
		c.Scopes = 500
	}
	return &Engine{base: env, scopes: newCache[*scope](c.Scopes), programs: newCache[*program](c.Programs)}, nil
}

// Check implements [rule.Compiler].
func (e *Engine) Check(env *rule.Env, src rule.Source) []rule.Issue {
	_, issues := e.compile(env, src)
	return issues
}

// Compile implements [rule.Compiler]. The fault's violations name the fields at fault, and the place in the text.
func (e *Engine) Compile(env *rule.Env, src rule.Source) (rule.Program, error) {
	p, issues := e.compile(env, src)
	if len(issues) == 0 {
		return &bound{program: p, src: src}, nil
	}
	var v fault.Violations
	for _, i := range issues {
		v.Add(i.Field, "at %d: %s", i.From+1, i.Message)
	}
	return nil, v.Err()
}

func (e *Engine) compile(env *rule.Env, src rule.Source) (*program, []rule.Issue) {
	if issue, bad := unreadable(src.Expr); bad {
		return nil, []rule.Issue{issue}
	}
	key := env.Print + "\x00" + src.Expr
	if env.Print != "" {
		if p, ok := e.programs.get(key); ok {
			return p, nil
		}
	}
	s, issues := e.scope(env)
	if len(issues) > 0 {
		return nil, issues
	}
	p, issues := e.build(s, src.Expr)
	if len(issues) > 0 {
		return nil, issues
	}
	if env.Print != "" {
		e.programs.put(key, p)
	}
	return p, nil
}

// scope is one environment: the names a rule may use and the slots behind them.
type scope struct {
	env   *rule.Env
	cel   *celgo.Env
	slots map[string]int
}

var argName = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]{0,62}$`)

// scope returns the environment of an Env, or what is wrong with its arguments.
func (e *Engine) scope(env *rule.Env) (*scope, []rule.Issue) {
	if env.Print != "" {
		if s, ok := e.scopes.get(env.Print); ok {
			return s, nil
		}
	}
	s := &scope{env: env, slots: make(map[string]int, len(env.Fields))}
	opts := make([]celgo.EnvOption, 0, len(env.Fields)+len(env.Args))
	for i, f := range env.Fields {
		if t := celType(f.Type); t != nil {
			s.slots[f.Name] = i
			opts = append(opts, celgo.Variable(f.Name, t))
		}
	}
	var issues []rule.Issue
	for name, t := range env.Args {
		_, taken := s.slots[name]
		switch ct := celType(t); {
		case !argName.MatchString(name) || taken || name == nowName || name == todayName:
			issues = append(issues, rule.Issue{Field: name, Message: "the argument needs a name of its own: letters, digits and _, not that of a field, now or today"})
		case ct == nil:
			issues = append(issues, rule.Issue{Field: name, Message: "the argument has no type"})
		default:
			opts = append(opts, celgo.Variable(name, ct))
		}
	}
	if len(issues) > 0 {
		slices.SortFunc(issues, byPlace)
		return nil, issues
	}
	var err error
	if s.cel, err = e.base.Extend(opts...); err != nil {
		return nil, []rule.Issue{{Message: "the fields and arguments do not fit together: " + err.Error()}}
	}
	if env.Print != "" {
		e.scopes.put(env.Print, s)
	}
	return s, nil
}

// names lists every name of the scope, sorted.
func (s *scope) names() []string {
	out := []string{nowName, todayName}
	for _, f := range s.env.Fields {
		out = append(out, f.Name)
	}
	for name := range s.env.Args {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
