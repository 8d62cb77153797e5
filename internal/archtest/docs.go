package archtest

import (
	"go/ast"
	"go/token"
	"strings"
)

// Count is the documentation of exported names in some files.
type Count struct {
	Documented int
	Missing    []string // "Type.Method at file:line"
}

// Share returns the documented part, 1 where there is nothing to document.
func (c Count) Share() float64 {
	all := c.Documented + len(c.Missing)
	if all == 0 {
		return 1
	}
	return float64(c.Documented) / float64(all)
}

// CountDocs adds up the exported names of a file: types with their fields and
// interface methods, functions, methods of exported types, and constants and
// variables. A comment on a group of constants or variables is one for each of
// its names. Embedded fields and generated files do not count.
func (c *Count) CountDocs(fset *token.FileSet, file *ast.File) {
	if ast.IsGenerated(file) {
		return
	}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if name, ok := exportedFunc(d); ok {
				c.add(fset, d.Pos(), name, d.Doc != nil)
			}
		case *ast.GenDecl:
			c.countGroup(fset, d)
		}
	}
}

func (c *Count) countGroup(fset *token.FileSet, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				c.add(fset, s.Pos(), s.Name.Name, s.Doc != nil || d.Doc != nil)
				c.countMembers(fset, s)
			}
		case *ast.ValueSpec:
			c.addNames(fset, "", s.Names, s.Doc != nil || s.Comment != nil || d.Doc != nil)
		}
	}
}

// countMembers counts the fields of a struct, or the methods of an interface.
func (c *Count) countMembers(fset *token.FileSet, s *ast.TypeSpec) {
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
		c.addNames(fset, s.Name.Name+".", m.Names, m.Doc != nil || m.Comment != nil)
	}
}

func (c *Count) addNames(fset *token.FileSet, prefix string, names []*ast.Ident, documented bool) {
	for _, name := range names {
		if name.IsExported() {
			c.add(fset, name.Pos(), prefix+name.Name, documented)
		}
	}
}

func (c *Count) add(fset *token.FileSet, pos token.Pos, name string, documented bool) {
	if documented {
		c.Documented++
		return
	}
	c.Missing = append(c.Missing, name+" at "+fset.Position(pos).String())
}

// exportedFunc returns the name of an exported function, or of an exported
// method of an exported type.
func exportedFunc(d *ast.FuncDecl) (string, bool) {
	if !d.Name.IsExported() {
		return "", false
	}
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name, true
	}
	receiver := receiverName(d.Recv.List[0].Type)
	return receiver + "." + d.Name.Name, ast.IsExported(receiver)
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
