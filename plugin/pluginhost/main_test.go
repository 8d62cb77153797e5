package pluginhost_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rapport-crm/rapport/core/fault"
	"github.com/rapport-crm/rapport/core/ident"
	"github.com/rapport-crm/rapport/core/personal"
	"github.com/rapport-crm/rapport/core/rule"
	"github.com/rapport-crm/rapport/plugin"
	"github.com/rapport-crm/rapport/plugin/pluginhost"
	"github.com/rapport-crm/rapport/plugin/pluginserve"
)

// The test binary runs again as the plugin; its first argument says how it behaves.
func TestMain(m *testing.M) {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	switch {
	case mode == "host":
		beHost(os.Args[2])
	case !pluginserve.Started():
		goleak.VerifyTestMain(m)
	case mode == "serve":
		pluginserve.Serve(probe("0.1.0"))
	case mode == "changed":
		pluginserve.Serve(probe(versionOnce()))
	case mode == "garbage":
		fmt.Println("Segmentation fault (core dumped)")
	case mode == "half":
		fmt.Println("1|1|unix|" + os.TempDir() + "/nobody|grpc|")
		select {}
	case mode == "liar":
		serveLiar()
	case mode == "elsewhere":
		fmt.Println("1|1|" + os.Args[2] + "|grpc|")
		select {}
	case mode == "panics":
		panic("no configuration")
	case mode == "invalid":
		pluginserve.Serve(plugin.New(plugin.Info{ID: "com.example.probe", Namespace: "customer", Version: "0.1.0"}))
	case mode == "longline":
		fmt.Println(strings.Repeat("x", 1<<20))
	case mode == "silent":
		select {}
	}
}

// versionOnce is another version at each start but the first, which leaves a mark.
func versionOnce() string {
	mark := os.Getenv("MARK")
	if _, err := os.Stat(mark); err == nil {
		return "0.2.0"
	}
	_ = os.WriteFile(mark, nil, 0o600)
	return "0.1.0"
}

// beHost opens a plugin, prints its process id and waits to be killed.
func beHost(sum string) {
	self, err := os.Executable()
	if err == nil {
		var p *pluginhost.Process
		if p, err = pluginhost.Open(context.Background(), pluginhost.Config{Command: []string{self, "serve"}, SHA256: sum}); err == nil {
			fmt.Println(p.PID())
			time.Sleep(time.Minute)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// probe is an extension that does whatever can go wrong in one.
func probe(version string) *plugin.Plugin {
	ext := plugin.New(plugin.Info{ID: "com.example.probe", Namespace: "probe", Version: version})
	ext.Purpose(plugin.Purpose{ID: personal.Service, Basis: plugin.Agreement, Text: map[string]string{"en": "tests"}})
	ext.Reads("customer", personal.Service, "name")
	ext.Claims("probe.seat")
	ext.Emits("probe.said", "word")
	text := []plugin.Param{{Name: "text", Type: rule.TypeText, MaxLen: 100_000}}
	for name, do := range map[string]func(ctx context.Context, h plugin.Host, in string) (string, error){
		"echo": func(_ context.Context, _ plugin.Host, in string) (string, error) { return in, nil },
		"env": func(context.Context, plugin.Host, string) (string, error) {
			return strings.Join(os.Environ(), "\n"), nil
		},
		"fds":   descriptorsOf,
		"dir":   func(context.Context, plugin.Host, string) (string, error) { return os.Getwd() },
		"stdin": readStdin,
		"panic": func(context.Context, plugin.Host, string) (string, error) { panic("Ada Lovelace") },
		"crash": func(context.Context, plugin.Host, string) (string, error) { go panic("at once"); select {} },
		"freeze": func(context.Context, plugin.Host, string) (string, error) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			select {}
		},
		"hang":   func(context.Context, plugin.Host, string) (string, error) { select {} },
		"big":    func(context.Context, plugin.Host, string) (string, error) { return strings.Repeat("x", 5<<20), nil },
		"flood":  flood,
		"child":  child,
		"refuse": refuse,
		"foreign": func(context.Context, plugin.Host, string) (string, error) {
			return "", errors.New("secret of the author's")
		},
		"say": say,
	} {
		ext.Action(plugin.Action{Name: "probe__" + name, Purpose: personal.Service, Input: text, Output: text},
			func(ctx context.Context, h plugin.Host, r plugin.Request) (plugin.Reply, error) {
				out, err := do(ctx, h, r.Input.Text("text"))
				return plugin.Reply{Output: plugin.Values{"text": rule.Text(out)}}, err
			})
	}
	ext.On(plugin.Subscription{Kind: "customer.created", Purpose: personal.Service, Project: []string{"name"}}, heard)
	return ext
}

// heard takes effect and then, when the event says so, dies before the host learns of it; the second time it lives.
func heard(ctx context.Context, h plugin.Host, e plugin.Event) error {
	done, err := h.Commit(ctx, plugin.Commit{Consumed: []ident.ID{e.ID}, Writes: []plugin.Write{
		plugin.Emit{Kind: "probe.said", About: e.Record, Facts: map[string]string{"word": fmt.Sprint(len(e.Data.Text("name").Reveal()))}},
	}})
	if err == nil && !done.Again && e.Facts["then"] == "die" {
		os.Exit(7)
	}
	return err
}

func say(ctx context.Context, h plugin.Host, word string) (string, error) {
	_, err := h.Commit(ctx, plugin.Commit{Writes: []plugin.Write{plugin.Emit{Kind: "probe.said", Facts: map[string]string{"word": word}}}})
	return "", err
}

func refuse(context.Context, plugin.Host, string) (string, error) {
	return "", &fault.Error{
		Code: fault.Gate, Field: "hall", Message: "the hall is full", Reason: "full",
		Clauses: []fault.Clause{{Rule: "free > 0", Field: "free", Value: "0", Need: "> 0", Outcome: "false"}},
	}
}

// descriptorsOf lists what the open descriptors of the process are, without those that Go itself opens.
func descriptorsOf(context.Context, plugin.Host, string) (string, error) {
	list, err := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range list {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			open = append(open, e.Name()+" "+to)
		}
	}
	return strings.Join(open, "\n"), err
}

func readStdin(context.Context, plugin.Host, string) (string, error) {
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return "nothing", nil //nolint:nilerr // the answer
	}
	return line, nil
}

func flood(context.Context, plugin.Host, string) (string, error) {
	raw := os.NewFile(1, "stdout")
	defer raw.Close()
	for range 3 {
		_, _ = raw.WriteString(strings.Repeat("y", 300<<10) + "\n")
	}
	for i := range 20_000 {
		fmt.Fprintln(os.Stdout, "line", i)
		fmt.Fprintln(os.Stderr, "line", i)
		_, _ = fmt.Fprintln(raw, "raw", i)
	}
	return "done", nil
}

// child starts a process that keeps the plugin's real output open, and returns its id.
func child(context.Context, plugin.Host, string) (string, error) {
	cmd := exec.Command("/bin/sleep", "60")
	cmd.Stdout, cmd.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
	if err := cmd.Start(); err != nil {
		return "", err
	}
	return fmt.Sprint(cmd.Process.Pid), nil
}
