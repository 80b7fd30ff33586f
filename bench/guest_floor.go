// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
	"github.com/otel-userevents/usereventsmetric/bench/internal/peers"
	"github.com/otel-userevents/usereventsmetric/bench/internal/workload"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// floorName is a tracepoint of its own, so that nobody else's listener is measured.
const floorName = "otlp_metrics_bench"

const nobody = "nobody"

// guestFloor prints rows of Export beside a bare loop of writev.
func guestFloor(ctx context.Context, o measure.Options, w io.Writer) error {
	runtime.LockOSThread() // the kernel keeps the registration below with the thread
	defer runtime.UnlockOSThread()

	source := workload.New(workload.Spec{Kind: workload.Sum, Points: 1000, Attributes: 4})
	rm := source.Metrics()
	exporter, err := usereventsmetric.New(usereventsmetric.WithTracepointName(floorName),
		usereventsmetric.WithPacing(0, 0), usereventsmetric.WithRequired())
	if err != nil {
		return err
	}
	defer exporter.Shutdown(context.Background()) //nolint:errcheck // nothing is in flight
	bare, err := newBareWriter(floorName, rm)
	if err != nil {
		return err
	}
	defer bare.close()
	http, _, err := peers.HTTP(ctx)
	if err != nil {
		return err
	}
	export := func() error { return exporter.Export(ctx, rm) }

	rows := func(listener string, prepare func() error, candidates ...measure.Candidate) error {
		for i := range candidates {
			candidates[i].Prepare = prepare
		}
		results, err := measure.Compare(o, candidates...)
		if err != nil {
			return err
		}
		for _, r := range results {
			times := "-"
			if listener != nobody {
				times = number(float64(r.CPU) / float64(results[0].CPU))
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", listener, r.Name, number(float64(r.CPU)/1000),
				number(r.Allocs), times)
		}
		return nil
	}
	official := measure.Candidate{Name: "otlpmetrichttp", Run: func() error { return http.Export(ctx, rm) }}
	all := []measure.Candidate{{Name: "bare writev", Run: bare.write}, {Name: "Export", Run: export}, official}

	// No floor here: a bare write fails with EBADF.
	if err := rows(nobody, nil, measure.Candidate{Name: "Export", Run: export}, official); err != nil {
		return err
	}
	if err := underPerf(ctx, func(drain func() error) error {
		return rows(
			"perf ring buffers", drain, all...)
	}); err != nil {
		return err
	}
	return underFtrace(func() error { return rows("ftrace", nil, all...) })
}

// underPerf measures while perf events with ring buffers are attached, and fails if an event was lost. drain empties
// the rings.
func underPerf(ctx context.Context, measured func(drain func() error) error) error {
	l, err := listen.Open(listen.Options{Names: []string{floorName}, RingSize: 4 << 20,
		MaxDelay: 10 * time.Millisecond})
	if err != nil {
		return err
	}
	defer l.Close()
	var ev listen.Event
	drain := func() error {
		for {
			if t := l.Stats().Total(); t.Received+t.Lost == t.Written {
				return nil
			}
			if err := l.Read(ctx, &ev); err != nil {
				return err
			}
		}
	}
	if err := measured(drain); err != nil {
		return err
	}
	if err := drain(); err != nil {
		return err
	}
	if t := l.Stats().Total(); t.Lost > 0 || t.Received == 0 {
		return fmt.Errorf("the listener lost %d events of %d: what is measured is not what it should be", t.Lost,
			t.Written)
	}
	return nil
}

// underFtrace measures while ftrace has the event enabled.
func underFtrace(measured func() error) (err error) {
	location, err := tracefs.Find()
	if err != nil {
		return err
	}
	enable := filepath.Join(location.Dir, "events/user_events", floorName, "enable")
	if err := os.WriteFile(enable, []byte("1"), 0); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, os.WriteFile(enable, []byte("0"), 0),
			os.WriteFile(filepath.Join(location.Dir, "trace"), nil, 0))
	}()
	if err := measured(); err != nil {
		return err
	}
	trace, err := os.Open(filepath.Join(location.Dir, "trace"))
	if err != nil {
		return err
	}
	defer trace.Close()
	text := make([]byte, 64<<10)
	n, err := io.ReadFull(trace, text)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if !strings.Contains(string(text[:n]), floorName) {
		return errors.New("ftrace has no event: what is measured is not what it should be")
	}
	return nil
}
