package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/rapport-crm/rapport/internal/bench/script"
)

// The messages between the bench and the peers, one JSON object a line. The peers have the same types in their own words.

type request struct {
	Do      string          `json:"do"` // open, load, turn, source, import, close
	Dialect string          `json:"dialect,omitempty"`
	DSN     string          `json:"dsn,omitempty"`
	Through string          `json:"through,omitempty"` // address of the proxy for turns that are far
	Op      string          `json:"op,omitempty"`
	Peer    string          `json:"peer,omitempty"`
	Scripts []script.Script `json:"scripts,omitempty"`
	Texts   []string        `json:"texts,omitempty"`
	ForNS   int64           `json:"for_ns,omitempty"`
	Calls   int             `json:"calls,omitempty"`
	Far     bool            `json:"far,omitempty"`
	From    string          `json:"from,omitempty"`
	To      string          `json:"to,omitempty"`
	Mark    string          `json:"mark,omitempty"`
	Keep    []string        `json:"keep,omitempty"`
	Tables  []script.Rows   `json:"tables,omitempty"`
}

type reply struct {
	Error string           `json:"error"`
	Calls int              `json:"calls"`
	P50NS int64            `json:"p50_ns"`
	Rows  map[string]int64 `json:"rows"`
}

// Child is the process of the peers. It answers one request at a time.
type Child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	write  *json.Encoder
	read   *json.Decoder
	stderr strings.Builder
}

// BuildPeers compiles the peers into a directory and returns the program's path. source is the directory of their
// module; "" means the one beside this package.
//
// Errors: [ErrNoToolchain], [ErrNoPeers], and what the compiler says.
func BuildPeers(ctx context.Context, source, into string) (string, error) {
	gocmd, err := exec.LookPath("go")
	if err != nil {
		return "", fmt.Errorf("bench: %w", ErrNoToolchain)
	}
	if source == "" {
		source = peersBeside(ctx, gocmd)
	}
	if _, err := os.Stat(filepath.Join(source, "go.mod")); source == "" || err != nil {
		return "", fmt.Errorf("bench: %w", ErrNoPeers)
	}
	program := filepath.Join(into, "peers")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.CommandContext(ctx, gocmd, "build", "-o", program, ".") //nolint:gosec // our own source
	build.Dir = source
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("bench: compile the peers: %w: %s", err, out)
	}
	return program, nil
}

// peersBeside finds the peers where this package was compiled from, or in the module the caller stands in.
func peersBeside(ctx context.Context, gocmd string) string {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		if dir := filepath.Join(filepath.Dir(file), "peers"); isDir(dir) {
			return dir
		}
	}
	out, err := exec.CommandContext(ctx, gocmd, "list", "-f", "{{.Dir}}", "github.com/rapport-crm/rapport/internal/bench").Output()
	if err != nil {
		return ""
	}
	return filepath.Join(strings.TrimSpace(string(out)), "peers")
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// StartChild starts a program that [BuildPeers] made. The caller closes it; it also ends when ctx does.
func StartChild(ctx context.Context, program string) (*Child, error) {
	c := &Child{cmd: exec.CommandContext(ctx, program)}
	c.cmd.Stderr = &c.stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("bench: start the peers: %w", err)
	}
	c.in, c.write, c.read = in, json.NewEncoder(in), json.NewDecoder(bufio.NewReaderSize(out, 1<<16))
	return c, nil
}

// ask sends a request and waits for its answer.
func (c *Child) ask(req *request) (reply, error) {
	var rep reply
	err := c.write.Encode(req)
	if err == nil {
		err = c.read.Decode(&rep)
	}
	switch {
	case err != nil:
		return rep, fmt.Errorf("bench: the peers are gone: %w: %s", err, c.stderr.String())
	case rep.Error != "":
		return rep, fmt.Errorf("bench: peer: %s", rep.Error)
	}
	return rep, nil
}

// Close ends the process and waits for it.
func (c *Child) Close() error {
	_, err := c.ask(&request{Do: "close"})
	return errors.Join(err, c.in.Close(), c.cmd.Wait())
}

// turn gives a peer a turn of some length, or of some calls over the network.
func (c *Child) turn(op, peer string, length time.Duration, far int) (time.Duration, error) {
	rep, err := c.ask(&request{Do: "turn", Op: op, Peer: peer, ForNS: length.Nanoseconds(), Calls: far, Far: far > 0})
	return time.Duration(rep.P50NS), err
}
