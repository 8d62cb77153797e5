package trip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy passes bytes between programs and one server, and counts round trips over all its connections. It does not
// look into them, so they may be encrypted. Make it with [Listen]; it is safe for concurrent use.
type Proxy struct {
	network, server string
	listener        net.Listener
	trips           atomic.Int64
	delay           atomic.Int64

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
	done   sync.WaitGroup
}

// Listen starts a proxy on a TCP port of this machine for the server at an address as net.Dial takes it. The server
// need not be there yet. The caller must close the proxy.
func Listen(network, server string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("trip: %w", err)
	}
	p := &Proxy{network: network, server: server, listener: l, conns: map[net.Conn]struct{}{}}
	p.done.Go(p.accept)
	return p, nil
}

// Addr returns the address of the proxy, host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Dial connects to the proxy, whatever address is asked for: it takes the place of a driver's own.
func (p *Proxy) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", p.Addr())
}

// Trips returns how many round trips there have been.
func (p *Proxy) Trips() int64 { return p.trips.Load() }

// Delay makes every round trip from now on longer by d. Zero is none, as at the beginning.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close() // its pumps report nothing
	}
	p.mu.Unlock()
	p.done.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Go(func() { p.serve(client) })
	}
}

// serve pumps both ways until either end is gone.
func (p *Proxy) serve(client net.Conn) {
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		_ = client.Close() // the client sees a connection that ends
		return
	}
	if !p.hold(client, server) {
		return
	}
	defer p.release(client, server)
	var asked atomic.Bool
	p.done.Go(func() {
		_, _ = io.Copy(asking{server, &asked}, onlyReader{client}) // the end of the connection says it all
		_ = server.Close()
	})
	p.answer(client, server, &asked)
}

// hold keeps connections for Close to end them; false when it already has.
func (p *Proxy) hold(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.closed {
			_ = c.Close() // nobody uses it
		} else {
			p.conns[c] = struct{}{}
		}
	}
	return !p.closed
}

func (p *Proxy) release(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // it has ended
		delete(p.conns, c)
	}
}

// answer passes on what the server says. The first of it after a question ends a trip. The question counts as answered
// when the answer is delivered, not when it arrives here: what a program sends before that, it sends without waiting.
func (p *Proxy) answer(client, server net.Conn, asked *atomic.Bool) {
	buf := make([]byte, 1<<16)
	for {
		n, err := server.Read(buf)
		if n > 0 {
			if asked.Load() {
				time.Sleep(time.Duration(p.delay.Load()))
				asked.Store(false)
				p.trips.Add(1)
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// asking notes that something was asked before it passes it on.
type asking struct {
	io.Writer

	asked *atomic.Bool
}

func (a asking) Write(b []byte) (int, error) {
	a.asked.Store(true)
	return a.Writer.Write(b)
}

// onlyReader keeps io.Copy from handing the copy to the kernel, past [asking].
type onlyReader struct{ io.Reader }
