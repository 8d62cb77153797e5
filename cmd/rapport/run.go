package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/rule"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one subcommand.
type command struct {
	name    string
	args    string // after the name, as the usage line shows it
	summary string // for the list of commands
	help    string // more words, ending without a line end
	shared  bool   // takes the flags that open a CRM
	setup   func(fs *flag.FlagSet) func(ctx context.Context, c *call) error
}

// call is one run of a command.
type call struct {
	options
	args           []string
	stdout, stderr io.Writer
	getenv         func(string) string
}

// usageError is a call that cannot be understood.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// counted says how many arguments there are.
func counted(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// errReported ends a command that has said itself what went wrong.
var errReported = errors.New("reported")

func commands() []command {
	return []command{migrateCommand(), importCommand(), getCommand(), listCommand(), doctorCommand(), benchCommand(), versionCommand()}
}

// run is the whole program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return runIn(ctx, os.Getenv, args, stdout, stderr)
}

// runIn is run with an environment.
func runIn(ctx context.Context, getenv func(string) string, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		overview(stderr)
		return exitUsage
	}
	name, rest := args[0], args[1:]
	if name == "help" || name == "-h" || name == "-help" || name == "--help" {
		return help(rest, stdout, stderr)
	}
	cmd, ok := find(name)
	if !ok {
		return unknown(name, stderr)
	}
	c := &call{stdout: stdout, stderr: stderr, getenv: getenv}
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.register(fs, cmd.shared)
	do := cmd.setup(fs)
	var err error
	c.args, err = interspersed(fs, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		cmd.print(stdout)
		return exitOK
	case err != nil:
		err = usage("%v%s", err, nearestFlag(fs, err))
	default:
		if err = do(ctx, c); err != nil && ctx.Err() != nil {
			err = ctx.Err() // whatever broke, broke because of that
		}
	}
	return c.end(name, err)
}

// end prints an error and returns the exit code.
func (c *call) end(name string, err error) int {
	u, wrongly := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errReported):
		return exitFailed
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(c.stderr, "rapport %s: interrupted\n", name)
	case c.json:
		_ = json.NewEncoder(c.stderr).Encode(map[string]any{"error": asJSON(err)})
	case wrongly:
		fmt.Fprintf(c.stderr, "rapport %s: %s\nTry \"rapport help %s\".\n", name, u.message, name)
	default:
		printError(c.stderr, name, err)
	}
	if wrongly {
		return exitUsage
	}
	return exitFailed
}

func printError(w io.Writer, name string, err error) {
	fmt.Fprintf(w, "rapport %s: %v\n", name, err)
	if f, ok := errors.AsType[*fault.Error](err); ok && len(f.Violations) > 1 {
		for _, v := range f.Violations {
			fmt.Fprintf(w, "  %s: %s\n", v.Field, v.Message)
		}
	}
}

func asJSON(err error) map[string]any {
	out := map[string]any{"code": fault.CodeOf(err), "message": err.Error()}
	if _, ok := errors.AsType[usageError](err); ok {
		out["code"] = "usage"
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		if f.Field != "" {
			out["field"] = f.Field
		}
		if len(f.Violations) > 0 {
			out["violations"] = f.Violations
		}
	}
	return out
}

func find(name string) (command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

func unknown(name string, stderr io.Writer) int {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	hint := `Try "rapport help".`
	if near := rule.Nearest(name, names); near != "" {
		hint = fmt.Sprintf("Did you mean %q?", near)
	}
	fmt.Fprintf(stderr, "rapport: there is no command %q. %s\n", name, hint)
	return exitUsage
}

// interspersed parses flags that may stand before, between and after the arguments; "--" ends them.
func interspersed(fs *flag.FlagSet, args []string) (list []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if len(rest) == 0 {
			return list, nil
		}
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			return append(list, rest...), nil
		}
		list, args = append(list, rest[0]), rest[1:]
	}
}

// nearestFlag helps with a flag that is not defined.
func nearestFlag(fs *flag.FlagSet, err error) string {
	_, name, ok := strings.Cut(err.Error(), "not defined: -")
	if !ok {
		return ""
	}
	var names []string
	fs.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if near := rule.Nearest(name, names); near != "" {
		return "; did you mean --" + near + "?"
	}
	return ""
}
