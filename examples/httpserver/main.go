// SPDX-License-Identifier: Apache-2.0

// Httpserver is a small web service that exports its metrics through user_events: what otelhttp measures of requests
// and clients, and what the Go runtime measures. It puts itself under load, so that there is something to see.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to serve on")
	interval := flag.Duration("interval", time.Second, "time between two exports")
	rate := flag.Int("rate", 20, "requests a second that the service sends to itself; 0 for none")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *address, *interval, *rate); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string, interval time.Duration, rate int) (err error) {
	shutdown, err := startMetrics(interval)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shutdown()) }()

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           otelhttp.NewHandler(newShop(), "shop"),
		ReadHeaderTimeout: 5 * time.Second,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	url := "http://" + listener.Addr().String()
	fmt.Fprintf(os.Stderr, "httpserver: pid %d serves %s\n", os.Getpid(), url)

	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		generateLoad(ctx, url, rate)
	}()

	select {
	case <-ctx.Done():
	case err = <-served:
		return err
	}
	<-loaded
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return server.Shutdown(closing)
}
