package archtest

import (
	"go/ast"
	"go/token"
)

// Function is a function of a file, with its length.
type Function struct {
	Name     string // with its receiver's: "Records.Create"
	Exported bool   // a function, or a method of an exported type
	Lines    int    // from the line of func to that of the closing brace
	At       string // file:line
}

// Functions returns the functions and methods of a file that have a body. Those of generated files do not count.
func Functions(fset *token.FileSet, file *ast.File) []Function {
	if ast.IsGenerated(file) {
		return nil
	}
	var all []Function
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.FuncDecl)
		if !ok || d.Body == nil {
			continue
		}
		name, exported := exportedFunc(d)
		from, to := fset.Position(d.Pos()), fset.Position(d.End())
		all = append(all, Function{Name: name, Exported: exported, Lines: to.Line - from.Line + 1, At: from.String()})
	}
	return all
}
