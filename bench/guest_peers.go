// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// peerRun compares producers of otlp_metrics, each a program of its own.
type peerRun struct {
	rust            string
	cycles, repeats int
}

// counters say what a producer exports in each cycle.
type counters struct{ metrics, series, resource, short int }

func (c counters) points() int { return c.metrics * c.series }

func (c counters) args(cycles int) []string {
	return []string{strconv.Itoa(c.metrics), strconv.Itoa(c.series), strconv.Itoa(c.resource), strconv.Itoa(c.short),
		strconv.Itoa(cycles)}
}

type producer struct {
	name    string
	command []string
}

func (p peerRun) producers() ([]producer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := []producer{{"this exporter", []string{self, "guest", "produce"}}}
	if p.rust != "" {
		all = append(all, producer{"Rust", []string{p.rust}})
	}
	return all, nil
}

func (p peerRun) run(ctx context.Context, w io.Writer) error {
	if err := p.costs(ctx, w); err != nil {
		return err
	}
	return p.losses(ctx, w)
}

// costs prints what a point costs while a listener reads, with rings that hold everything.
func (p peerRun) costs(ctx context.Context, w io.Writer) error {
	producers, err := p.producers()
	if err != nil {
		return err
	}
	fmt.Fprint(w, `
| 1,000 points as | exporter | events per point | bytes of OTLP per point | CPU µs per point | events | bytes | CPU |
|---|---|--:|--:|--:|--:|--:|--:|
`)
	for _, shape := range []struct {
		name     string
		counters counters
	}{
		{"1 metric", counters{metrics: 1, series: 1000}},
		{"1 metric, short names of attributes", counters{metrics: 1, series: 1000, short: 1}},
		{"1,000 metrics", counters{metrics: 1000, series: 1}},
		{"1 metric, resource of 20 attributes more", counters{metrics: 1, series: 1000, resource: 20}},
	} {
		var first cost
		what := shape.name
		for i, producer := range producers {
			c, err := p.cost(ctx, producer, shape.counters)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", shape.name, producer.name, err)
			}
			if i == 0 {
				first = c
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", what, producer.name, number(c.events),
				number(c.bytes), number(c.cpu),
				times(c.events, first.events), times(c.bytes, first.bytes), times(c.cpu, first.cpu))
			what = ""
		}
	}
	return nil
}

func times(v, of float64) string { return number(v/of) + "x" }

// cost is that of one point.
type cost struct{ events, bytes, cpu float64 }

func (p peerRun) cost(ctx context.Context, who producer, what counters) (cost, error) {
	var c cost
	var cpu []float64
	for range p.repeats {
		r, err := watch(ctx, listen.Options{RingSize: 4 << 20, MaxDelay: 10 * time.Millisecond}, 0, who,
			what.args(p.cycles))
		if err != nil {
			return c, err
		}
		if r.lost > 0 {
			return c, fmt.Errorf("%d events were lost in rings of 4 MiB", r.lost)
		}
		n := float64(what.points() * p.cycles)
		c.events, c.bytes = float64(r.events)/n, float64(r.bytes)/n
		cpu = append(cpu, float64(r.CPU)/1000/float64(r.Points))
	}
	c.cpu = measure.Median(cpu)
	return c, nil
}

// losses prints what is lost of one cycle, by the size of the rings and how late the listener is.
func (p peerRun) losses(ctx context.Context, w io.Writer) error {
	producers, err := p.producers()
	if err != nil {
		return err
	}
	what := counters{metrics: 1, series: 10_000}
	fmt.Fprintf(w, `
What is lost of a cycle of %d points in one metric, if the listener lets so much time pass between waking up and
reading. The median of %d runs, of the kernel's own count.

| rings | listener late by | exporter | events written | events lost |
|---|--:|---|--:|--:|
`, what.points(), p.repeats)
	for _, size := range []int{512 << 10, 4 << 20} {
		for _, late := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond} {
			for _, producer := range producers {
				var written, lost []float64
				for range p.repeats {
					r, err := watch(ctx, listen.Options{RingSize: size}, late, producer, what.args(1))
					if err != nil {
						return fmt.Errorf("%s: %w", producer.name, err)
					}
					written, lost = append(written, float64(r.written)), append(lost, float64(r.lost))
				}
				wr, lo := measure.Median(written), measure.Median(lost)
				fmt.Fprintf(w, "| %d KiB | %v | %s | %.0f | %.0f (%s %%) |\n", size>>10, late, producer.name, wr, lo,
					number(100*lo/wr))
			}
		}
	}
	return nil
}

// watched is what a producer did, and what came of it.
type watched struct {
	produced
	events, bytes, written, lost uint64
}

// waited is how long a Read takes that had to wait to be woken, at least. Others take microseconds, in emulation too.
const waited = 2 * time.Millisecond

// watch runs a producer under a listener that sleeps so long each time it was woken.
func watch(ctx context.Context, o listen.Options, late time.Duration, who producer,
	args []string) (r watched, err error) {
	l, err := listen.Open(o)
	if err != nil {
		return r, err
	}
	defer l.Close()
	read, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		var ev listen.Event
		for {
			begin := time.Now()
			err := l.Read(read, &ev)
			if err != nil {
				done <- err
				return
			}
			if late > 0 && time.Since(begin) > waited {
				time.Sleep(late)
			}
			if ev.Err == nil {
				r.events++
				r.bytes += uint64(len(ev.Payload))
			}
		}
	}()

	c := exec.CommandContext(ctx, who.command[0], append(who.command[1:len(who.command):len(who.command)], args...)...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &r.produced)
	}
	if err == nil {
		err = drained(ctx, l)
	}
	stop()
	if e := <-done; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	t := l.Stats().Total()
	r.written, r.lost = t.Written, t.Lost
	if err == nil && r.events == 0 {
		err = errors.New("no event came")
	}
	return r, errors.Join(err, l.Close(), gone(ctx))
}

// drained waits until the reader has everything that was written.
func drained(ctx context.Context, l *listen.Listener) error {
	for {
		if t := l.Stats().Total(); t.Received+t.Lost == t.Written {
			return nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// gone waits until the tracepoint is, so that the next producer registers it.
func gone(ctx context.Context) error {
	location, err := tracefs.Find()
	if err != nil {
		return err
	}
	for {
		if _, err := location.Format(tracefs.System, tracefs.DefaultTracepointName); err != nil {
			return nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
