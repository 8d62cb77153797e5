package archtest

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Undocumented returns the exported names of a file that have no comment, each as "Type.Method at file:line": types with
// their fields and interface methods, functions, methods of exported types, and constants and variables. A comment on a
// group of constants or variables is one for each of its names; a directive, such as nolint, is none. Embedded fields and
// generated files do not count.
func Undocumented(fset *token.FileSet, file *ast.File) []string {
	if ast.IsGenerated(file) {
		return nil
	}
	u := undocumented{fset: fset}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if name, ok := exportedFunc(d); ok {
				u.name(d, name, d.Doc)
			}
		case *ast.GenDecl:
			u.group(d)
		}
	}
	return u.found
}

type undocumented struct {
	fset  *token.FileSet
	found []string
}

func (u *undocumented) group(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				u.name(s, s.Name.Name, s.Doc, d.Doc)
				u.members(s)
			}
		case *ast.ValueSpec:
			u.names("", s.Names, s.Doc, s.Comment, d.Doc)
		}
	}
}

// members takes the fields of a struct, or the methods of an interface.
func (u *undocumented) members(s *ast.TypeSpec) {
	var members *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		members = t.Fields
	case *ast.InterfaceType:
		members = t.Methods
	default:
		return
	}
	for _, m := range members.List {
		u.names(s.Name.Name+".", m.Names, m.Doc, m.Comment)
	}
}

func (u *undocumented) names(prefix string, names []*ast.Ident, comments ...*ast.CommentGroup) {
	for _, name := range names {
		if name.IsExported() {
			u.name(name, prefix+name.Name, comments...)
		}
	}
}

func (u *undocumented) name(at ast.Node, name string, comments ...*ast.CommentGroup) {
	if !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c.Text() != "" }) {
		u.found = append(u.found, name+" at "+u.fset.Position(at.Pos()).String())
	}
}

// exportedFunc returns the name of a function or method, and whether it is exported: a method is when its type is too.
func exportedFunc(d *ast.FuncDecl) (name string, exported bool) {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name, d.Name.IsExported()
	}
	receiver := receiverName(d.Recv.List[0].Type)
	return receiver + "." + d.Name.Name, d.Name.IsExported() && ast.IsExported(receiver)
}

func receiverName(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return receiverName(e.X)
	case *ast.IndexExpr:
		return receiverName(e.X)
	case *ast.IndexListExpr:
		return receiverName(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// OpenWhereOr returns the positions of bun WhereOr calls outside a WhereGroup:
// at the top level of a statement, OR takes the tenant's condition apart.
func OpenWhereOr(fset *token.FileSet, file *ast.File) []string {
	var found []string
	var walk func(node ast.Node, grouped bool)
	walk = func(node ast.Node, grouped bool) {
		ast.Inspect(node, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch {
			case sel.Sel.Name == "WhereGroup":
				walk(sel.X, grouped) // the receiver is outside the group
				for _, arg := range call.Args {
					walk(arg, true)
				}
				return false
			case strings.HasPrefix(sel.Sel.Name, "WhereOr") && !grouped:
				found = append(found, fset.Position(call.Pos()).String())
			}
			return true
		})
	}
	walk(file, false)
	return found
}
