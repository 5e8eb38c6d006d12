package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/gopher-lua/ast"
	"github.com/yuin/gopher-lua/parse"

	"wxtokend/daemon/store"
)

// form walks through a script and collects what is not allowed. The first
// lines, as many as common, belong to what every script begins with.
type form struct {
	name   string
	common int
	scopes []map[string]bool
	inside bool // the arguments of a command
	found  map[string]bool
}

func formOf(t *testing.T, found map[string]bool, name, source string, common int) {
	t.Helper()
	chunk, err := parse.Parse(strings.NewReader(source), name)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	const globals = "redis KEYS ARGV cjson string math table tonumber tostring type pairs ipairs error"
	for name := range strings.FieldsSeq(globals) {
		known[name] = true
	}
	f := &form{name: name, common: common, scopes: []map[string]bool{known, {}}, found: found}
	f.block(chunk)
}

func (f *form) find(node ast.PositionHolder, format string, args ...any) {
	name, line := f.name, node.Line()-f.common
	if f.common > 0 && line <= 0 {
		name, line = "head.lua and common.lua", node.Line()
	}
	f.found[fmt.Sprintf("%s:%d: %s", name, line, fmt.Sprintf(format, args...))] = true
}

func (f *form) declare(names ...string) {
	for _, name := range names {
		f.scopes[len(f.scopes)-1][name] = true
	}
}

// block walks through statements with these names as their own.
func (f *form) block(statements []ast.Stmt, names ...string) {
	f.scopes = append(f.scopes, map[string]bool{})
	f.declare(names...)
	for _, s := range statements {
		f.statement(s)
	}
	f.scopes = f.scopes[:len(f.scopes)-1]
}

func (f *form) statement(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		if len(s.Exprs) == 1 {
			if _, recursive := s.Exprs[0].(*ast.FunctionExpr); recursive {
				f.declare(s.Names...)
			}
		}
		f.expressions(s.Exprs)
		f.declare(s.Names...)
	case *ast.FuncDefStmt:
		f.expression(s.Name.Func)
		f.expression(s.Func)
	case *ast.NumberForStmt:
		f.expressions([]ast.Expr{s.Init, s.Limit, s.Step})
		f.block(s.Stmts, s.Name)
	case *ast.GenericForStmt:
		f.expressions(s.Exprs)
		f.block(s.Stmts, s.Names...)
	case *ast.RepeatStmt:
		f.block(append(slices.Clone(s.Stmts), &ast.ReturnStmt{Exprs: []ast.Expr{s.Condition}}))
	default:
		f.children(s)
	}
}

func (f *form) expressions(list []ast.Expr) {
	for _, e := range list {
		f.expression(e)
	}
}

func (f *form) expression(e ast.Expr) {
	switch e := e.(type) {
	case nil:
	case *ast.IdentExpr:
		f.identifier(e)
	case *ast.AttrGetExpr:
		f.attribute(e)
	case *ast.FuncCallExpr:
		f.call(e)
	case *ast.FunctionExpr:
		inside := f.inside
		f.inside = false
		f.block(e.Stmts, e.ParList.Names...)
		f.inside = inside
	case *ast.Comma3Expr:
		if f.inside {
			f.find(e, "arguments in number unknown: ...")
		}
	default:
		f.children(e)
	}
}

func (f *form) identifier(e *ast.IdentExpr) {
	switch {
	case e.Value == "KEYS":
		f.find(e, "KEYS outside a command")
	case e.Value == "redis":
		f.find(e, "redis outside a call")
	case !slices.ContainsFunc(f.scopes, func(scope map[string]bool) bool { return scope[e.Value] }):
		f.find(e, "global %s", e.Value)
	}
}

func (f *form) attribute(e *ast.AttrGetExpr) {
	switch name, literal := e.Key.(*ast.StringExpr); {
	case literal && name.Value == "unpack":
		f.find(e, "unpack")
	case !is(e.Object, "redis"):
		f.expression(e.Object)
		f.expression(e.Key)
	case !literal:
		f.find(e, "redis by a variable")
	case name.Value == "call" || name.Value == "pcall":
		f.find(e, "redis.%s is not called on the spot", name.Value)
	}
}

func is(e ast.Expr, name string) bool {
	identifier, ok := e.(*ast.IdentExpr)
	return ok && identifier.Value == name
}

// call judges a call; those of commands have a form of their own.
func (f *form) call(e *ast.FuncCallExpr) {
	function, _ := e.Func.(*ast.AttrGetExpr)
	if function == nil || !is(function.Object, "redis") {
		f.expression(e.Func)
		f.expression(e.Receiver)
		f.expressions(e.Args)
		return
	}
	name, literal := function.Key.(*ast.StringExpr)
	if !literal || name.Value != "call" && name.Value != "pcall" {
		f.expression(function)
		f.expressions(e.Args)
		return
	}
	if f.inside {
		f.find(e, "a command inside a command")
	}
	f.inside = true
	f.command(e)
	f.inside = false
}

func (f *form) command(e *ast.FuncCallExpr) {
	if len(e.Args) == 0 {
		f.find(e, "a command without a name")
		return
	}
	command, literal := e.Args[0].(*ast.StringExpr)
	if !literal {
		f.find(e, "the name of the command is no literal")
		f.expressions(e.Args)
		return
	}
	if !slices.Contains(store.Commands(), strings.ToLower(command.Value)) {
		f.find(e, "%s is not among the rights", command.Value)
	}
	keys := 1
	switch command.Value {
	case "TIME":
		keys = 0
	}
	if keys > len(e.Args)-1 || keys == 0 && command.Value != "TIME" {
		f.find(e, "%s names no key", command.Value)
		return
	}
	for _, key := range e.Args[1 : 1+keys] {
		f.key(e, command.Value, key)
	}
	f.expressions(e.Args[1+keys:])
}

func (f *form) key(call *ast.FuncCallExpr, command string, e ast.Expr) {
	key, indexed := e.(*ast.AttrGetExpr)
	if !indexed || !is(key.Object, "KEYS") {
		f.find(call, "a key of %s is not written KEYS[n]", command)
		return
	}
	number, literal := key.Key.(*ast.NumberExpr)
	switch {
	case !literal:
		f.find(call, "a key of %s is not written KEYS[n]", command)
	case !slices.Contains([]string{"1", "2", "3", "4"}, number.Value):
		f.find(call, "KEYS[%s] is none of our keys", number.Value)
	}
}

// children walks through whatever a node consists of.
func (f *form) children(node any) {
	value := reflect.ValueOf(node).Elem()
	for i := range value.NumField() {
		if !value.Type().Field(i).IsExported() {
			continue
		}
		switch field := value.Field(i).Interface().(type) {
		case ast.Expr:
			f.expression(field)
		case []ast.Expr:
			f.expressions(field)
		case []ast.Stmt:
			f.block(field)
		case []*ast.Field:
			for _, pair := range field {
				f.expression(pair.Key)
				f.expression(pair.Value)
			}
		}
	}
}
