package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/rapport-crm/rapport/crm/sqlite"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("http-app: ")
	listen := flag.String("listen", "", "`address` to serve on until interrupted; without it the program asks itself and ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *listen); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, listen string) (err error) {
	c, err := sqlite.Open(ctx, sqlite.Memory, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	s := &server{crm: c}
	sample, err := s.seed(ctx)
	if err != nil {
		return err
	}
	if listen == "" {
		return serve(ctx, s, "127.0.0.1:0", func(base string) error { return tour(ctx, out, base, sample) })
	}
	return serve(ctx, s, listen, func(base string) error {
		fmt.Fprintf(out, "Try: curl -H 'Authorization: Bearer sam' %s/customers/%s\n", base, sample.customer)
		<-ctx.Done()
		return nil
	})
}

// serve answers on an address for as long as fn runs, and lets requests finish.
func serve(ctx context.Context, s *server, address string, fn func(base string) error) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	err = fn("http://" + l.Addr().String())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err = errors.Join(err, srv.Shutdown(ctx))
	if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
