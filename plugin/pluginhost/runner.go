package pluginhost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// process is one operating-system process, as go-plugin's runner. Its end is the end of the process itself: neither
// children that hold its pipes nor unread output put it off.
type process struct {
	cmd  *exec.Cmd
	file *os.File // the verified executable, open until the process runs
	out  *printed

	greeting      *io.PipeReader // the first line, for go-plugin
	greetingWrite *io.PipeWriter
	pid           int
	done          chan struct{} // closed when the process is gone and its pipes are closed
	exit          error         // set before done is closed

	mu     sync.Mutex
	killed bool // wanted dead, perhaps before it ran
	gone   bool // reaped, or about to be: its id may belong to somebody else
}

var _ runner.Runner = (*process)(nil)

func newProcess(file *os.File, args, env []string, dir string, out *printed) *process {
	p := &process{file: file, out: out, done: make(chan struct{})}
	p.greeting, p.greetingWrite = io.Pipe()
	p.cmd = &exec.Cmd{Path: image(file, args[0]), Args: args, Env: env, Dir: dir, SysProcAttr: attributes()}
	return p
}

// Start implements runner.Runner.
func (p *process) Start(context.Context) error {
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		_, _ = outR.Close(), outW.Close()
		return err
	}
	p.cmd.Stdout, p.cmd.Stderr = outW, errW
	started := make(chan error, 1)
	go p.live(started, outR, errR, outW, errW)
	return <-started
}

// live starts the process and stays until it has ended, on one thread: on Linux the death signal is bound to the
// thread that started the process.
func (p *process) live(started chan<- error, outR, errR, outW, errW *os.File) {
	defer close(p.done)
	release := bindThread()
	defer release()
	p.cmd.ExtraFiles = extraFiles(p.file)
	err := p.cmd.Start()
	for _, f := range []*os.File{outW, errW, p.file} {
		_ = f.Close()
	}
	if err != nil {
		_, _, _ = outR.Close(), errR.Close(), p.greetingWrite.Close()
		p.exit = err
		started <- err
		return
	}
	p.mu.Lock()
	p.pid = p.cmd.Process.Pid
	if p.killed {
		killGroup(p.cmd)
	}
	p.mu.Unlock()
	var readers sync.WaitGroup
	readers.Go(func() { p.out.greet(outR, p.greetingWrite) })
	readers.Go(func() { p.out.pump("stderr", bufio.NewReader(errR)) })
	started <- nil

	p.reap()

	drained := make(chan struct{})
	go func() {
		readers.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-time.After(250 * time.Millisecond): // somebody else holds the pipes
	}
	_, _ = outR.Close(), errR.Close()
	<-drained
}

// reap waits for the end of the process, kills what it has left behind in its group, and collects it. Where the
// system can tell the end without collecting, the process's id is still its own while its group is killed.
func (p *process) reap() {
	seen := awaitExit(p.pid)
	if !seen {
		p.exit = p.cmd.Wait()
	}
	p.mu.Lock()
	killGroup(p.cmd)
	p.gone = true
	p.mu.Unlock()
	if seen {
		p.exit = p.cmd.Wait()
	}
}

// kill ends the process and its group at once. It does not wait.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	if !p.gone && p.pid != 0 {
		killGroup(p.cmd)
	}
}

// Wait implements runner.Runner.
func (p *process) Wait(context.Context) error {
	<-p.done
	return p.exit
}

// Kill implements runner.Runner.
func (p *process) Kill(context.Context) error {
	p.kill()
	return nil
}

// Stdout implements runner.Runner: the greeting only.
func (p *process) Stdout() io.ReadCloser { return p.greeting }

// Stderr implements runner.Runner: nothing, since it is logged here.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (p *process) Name() string { return p.cmd.Args[0] }

// ID implements runner.Runner.
func (p *process) ID() string { return strconv.Itoa(p.pid) }

// Diagnose implements runner.Runner.
func (p *process) Diagnose(context.Context) string {
	return fmt.Sprintf("Is %s a Rapport plugin for this system, executable, on a file system that allows it?", p.cmd.Args[0])
}

// PluginToHost implements runner.Runner. The host speaks to a socket in the process's own directory and nowhere else:
// a process that must not reach the network cannot let the host reach it in its stead.
func (p *process) PluginToHost(network, addr string) (hostNet, hostAddr string, err error) {
	if ownSockets && (network != "unix" || !strings.HasPrefix(filepath.Clean(addr), p.cmd.Dir+string(filepath.Separator))) {
		return "", "", errors.New("it does not listen on a Unix socket in the directory it was given")
	}
	return network, addr, nil
}

// HostToPlugin implements runner.Runner.
func (p *process) HostToPlugin(network, addr string) (pluginNet, pluginAddr string, err error) {
	return network, addr, nil
}
