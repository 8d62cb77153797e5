package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

func overview(w io.Writer) {
	fmt.Fprint(w, "Rapport looks after a CRM that lives in a program's own database.\n\nUsage:\n\n  rapport COMMAND [flags]\n\nCommands:\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(t, "  %s\t%s\n", c.name, c.summary)
	}
	_ = t.Flush()
	fmt.Fprint(w, "\nWithout --db the CRM is the SQLite file crm.db in the working folder.\n\"rapport help COMMAND\" tells more about one.\n")
}

// help answers "rapport help" and "rapport help COMMAND".
func help(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		overview(stdout)
		return exitOK
	}
	cmd, ok := find(args[0])
	if !ok {
		return unknown(args[0], stderr)
	}
	cmd.print(stdout)
	return exitOK
}

// print writes the page of one command.
func (c command) print(w io.Writer) {
	fmt.Fprintf(w, "rapport %s: %s\n\nUsage:\n\n  rapport %s\n\n%s\n", c.name, c.summary, strings.TrimSpace(c.name+" "+c.args), c.help)
	own := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(own)
	printFlags(w, "Flags", own)
	common := flag.NewFlagSet(c.name, flag.ContinueOnError)
	new(call).register(common, c.shared)
	printFlags(w, "Common flags", common)
}

func printFlags(w io.Writer, title string, fs *flag.FlagSet) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	begun := false
	fs.VisitAll(func(f *flag.Flag) {
		if !begun {
			fmt.Fprintf(w, "\n%s:\n\n", title)
			begun = true
		}
		value, words := flag.UnquoteUsage(f)
		name := strings.TrimSpace("--" + f.Name + " " + value)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			words += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(t, "  %s\t%s\n", name, words)
	})
	_ = t.Flush()
}

// wrapped is a list of names in indented lines of a readable length.
func wrapped(names []string) string {
	var b strings.Builder
	width := 0
	for i, name := range names {
		switch {
		case i == 0:
			b.WriteString("  ")
		case width+len(name) > 100:
			b.WriteString(",\n  ")
			width = 0
		default:
			b.WriteString(", ")
		}
		b.WriteString(name)
		width += len(name) + 2
	}
	return b.String() + "\n"
}
