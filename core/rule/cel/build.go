package cel

import (
	"maps"
	"slices"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/checker"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"

	"github.com/rapport-crm/rapport/core/rule"
)

// program is a compiled rule without its author: rules of equal text share it.
type program struct {
	scope  *scope
	expr   string
	root   ast.Expr
	run    celgo.Program
	fields []string
	args   []string
	consts map[int64]celgo.Program // the greatest parts that read no field, by node, but for literals
	parts  partsOnce
	engine *Engine
}

// build checks and compiles one text.
func (e *Engine) build(s *scope, expr string) (*program, []rule.Issue) {
	checked, iss := s.cel.Compile(expr)
	if iss.Err() != nil {
		return nil, s.issues(expr, iss)
	}
	native := checked.NativeRep()
	c := &inspector{scope: s, expr: expr, ast: native, fields: map[string]bool{}, args: map[string]bool{}}
	if t := checked.OutputType(); !isBool(t) {
		c.add(native.Expr(), "a rule is a condition that is true or false, this is "+typeWord(t))
	}
	c.look(native.Expr(), 0)
	cost, err := s.cel.EstimateCost(checked, sizes{s})
	if err != nil || cost.Max > maxCost {
		c.add(native.Expr(), "the rule may cost too much to evaluate: use fewer or shorter lists and texts")
	}
	if len(c.issues) > 0 {
		slices.SortFunc(c.issues, byPlace)
		return nil, c.issues
	}
	p := &program{
		scope: s, expr: expr, root: native.Expr(), engine: e, consts: map[int64]celgo.Program{},
		fields: slices.Sorted(maps.Keys(c.fields)), args: slices.Sorted(maps.Keys(c.args)),
	}
	opts := []celgo.ProgramOption{celgo.EvalOptions(celgo.OptOptimize)}
	if cost.Max > freeCost {
		opts = append(opts, celgo.CostLimit(maxCost))
	}
	if p.run, err = s.cel.PlanProgram(native, opts...); err == nil {
		err = p.plan(native, native.Expr())
	}
	if err != nil {
		c.add(native.Expr(), "the rule cannot be compiled")
		return nil, c.issues
	}
	return p, nil
}

// plan compiles the parts that read no field, so that a predicate can have their values.
func (p *program) plan(a *ast.AST, e ast.Expr) error {
	if e.Kind() == ast.LiteralKind {
		return nil
	}
	if p.constant(e) {
		part := ast.NewCheckedAST(ast.NewAST(e, a.SourceInfo()), a.TypeMap(), a.ReferenceMap())
		run, err := p.scope.cel.PlanProgram(part)
		p.consts[e.ID()] = run
		return err
	}
	for _, k := range children(e) {
		if err := p.plan(a, k); err != nil {
			return err
		}
	}
	return nil
}

// constant reports whether a part reads no field and no variable of a loop.
func (p *program) constant(e ast.Expr) bool {
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		_, arg := p.scope.env.Args[name]
		return arg || name == nowName || name == todayName
	case ast.ComprehensionKind, ast.SelectKind:
		return false
	}
	for _, k := range children(e) {
		if !p.constant(k) {
			return false
		}
	}
	return true
}

// children lists the parts of a node in source order.
func children(e ast.Expr) []ast.Expr {
	switch e.Kind() {
	case ast.CallKind:
		c := e.AsCall()
		if c.IsMemberFunction() {
			return append([]ast.Expr{c.Target()}, c.Args()...)
		}
		return c.Args()
	case ast.ListKind:
		return e.AsList().Elements()
	case ast.SelectKind:
		return []ast.Expr{e.AsSelect().Operand()}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		return []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()}
	case ast.MapKind:
		var out []ast.Expr
		for _, x := range e.AsMap().Entries() {
			out = append(out, x.AsMapEntry().Key(), x.AsMapEntry().Value())
		}
		return out
	case ast.StructKind:
		var out []ast.Expr
		for _, x := range e.AsStruct().Fields() {
			out = append(out, x.AsStructField().Value())
		}
		return out
	}
	return nil
}

func isBool(t *celgo.Type) bool {
	return t.IsExactType(celgo.BoolType) || t.IsExactType(celgo.NullableType(celgo.BoolType))
}

// sizes tells the cost estimate how long texts and lists can be.
type sizes struct{ scope *scope }

// The greatest sizes assumed where the schema says nothing.
const (
	maxTextSize = 4000
	maxListSize = 200
)

// EstimateSize implements checker.CostEstimator.
func (s sizes) EstimateSize(n checker.AstNode) *checker.SizeEstimate {
	limit := uint64(maxTextSize)
	if path := n.Path(); len(path) > 0 {
		if slot, ok := s.scope.slots[path[0]]; ok {
			if m := s.scope.env.Fields[slot].MaxLen; m > 0 {
				limit = uint64(m)
			}
		}
	}
	if n.Type() != nil && n.Type().Kind() == types.ListKind {
		limit = maxListSize
	}
	return &checker.SizeEstimate{Min: 0, Max: limit}
}

// EstimateCallCost implements checker.CostEstimator.
func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil
}
