// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/bench/internal/workload"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// baselines has what was counted, by the compilers and the kernel that it depends on.
const baselines = "testdata/instructions.json"

// margin is how much more than its baseline something may take before it is a failure. Counts repeat to 0.2 %.
const margin = 0.03

// counted are instructions for each data point, the kernel's included.
type counted map[string]float64

// instructions counts and compares: "bench instructions [-update]". What else the machine does has no influence.
func instructions(ctx context.Context, args []string, w io.Writer) error {
	flags := flag.NewFlagSet("bench instructions", flag.ContinueOnError)
	update := flags.Bool("update", false, "make what is counted the baseline")
	if err := flags.Parse(args); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, vmRun, "--count", "--", self, "guest", "instructions")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", vmRun, err)
	}
	var now struct {
		Kernel string
		Counts counted
	}
	if err := json.Unmarshal(out, &now); err != nil {
		return err
	}
	gcc, err := exec.CommandContext(ctx, "gcc", "-dumpfullversion").Output()
	if err != nil {
		return fmt.Errorf("gcc: %w", err)
	}
	key := fmt.Sprintf("%s %s, gcc %s, Linux %s", runtime.Version(), runtime.GOARCH, strings.TrimSpace(string(gcc)),
		now.Kernel)

	all := map[string]counted{}
	text, err := os.ReadFile(baselines)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil && !(*update && errors.Is(err, os.ErrNotExist)) {
		return err
	}
	if *update {
		all[key] = now.Counts
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", "\t")
		if err := e.Encode(all); err != nil {
			return err
		}
		fmt.Fprintf(w, "%s is the baseline now: %v\n", key, now.Counts)
		return os.WriteFile(baselines, b.Bytes(), 0o644)
	}
	return now.Counts.compare(w, key, all[key])
}

// compare prints the counts beside their baseline, and fails where one is above it by more than the margin.
func (now counted) compare(w io.Writer, key string, before counted) error {
	if before == nil {
		fmt.Fprintf(w, "no baseline is known for %s; \"make instructions UPDATE=-update\" makes one\n", key)
	}
	var failed []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		n := now[name]
		b, ok := before[name]
		if !ok {
			fmt.Fprintf(w, "%-45s %7.0f instructions per point\n", name, n)
			continue
		}
		fmt.Fprintf(w, "%-45s %7.0f instructions per point, baseline %.0f (%+.1f %%)\n", name, n, b, 100*(n/b-1))
		if n > b*(1+margin) {
			failed = append(failed, name)
		}
	}
	for name := range before {
		if _, ok := now[name]; !ok {
			failed = append(failed, name+" (not counted)")
		}
	}
	if failed != nil {
		return fmt.Errorf("more than %.0f %% above the baseline of %s: %s (find out why; if it is worth it: make "+
			"instructions UPDATE=-update)", 100*margin, key, strings.Join(failed, ", "))
	}
	return nil
}

// guestInstructions counts, where a nanosecond is an instruction.
func guestInstructions(ctx context.Context, w io.Writer) error {
	const points = 1000
	counts := counted{}
	for _, kind := range []workload.Kind{workload.Sum, workload.Histogram, workload.Exponential} {
		spec := workload.Spec{Kind: kind, Points: points, Attributes: 4}
		source, encoder := workload.New(spec), otlp.NewEncoder(messageSize)
		if err := counts.count("encode "+spec.String(), points,
			func() error { return encode(encoder, source.Metrics()) }, nil); err != nil {
			return err
		}
		source, encoder = workload.New(spec), otlp.NewEncoder(messageSize)
		again := func() error { source.NewSets(); return nil }
		if err := counts.count("encode "+spec.String()+", new sets", points,
			func() error { return encode(encoder, source.Metrics()) }, again); err != nil {
			return err
		}
	}
	exporter, err := usereventsmetric.New(usereventsmetric.WithTracepointName(floorName),
		usereventsmetric.WithPacing(0, 0), usereventsmetric.WithRequired())
	if err != nil {
		return err
	}
	defer exporter.Shutdown(context.Background()) //nolint:errcheck // nothing is in flight
	source := workload.New(workload.Spec{Kind: workload.Sum, Points: points, Attributes: 4})
	export := func() error { return exporter.Export(ctx, source.Metrics()) }
	if err := underPerf(ctx, func(drain func() error) error {
		return counts.count("Export, perf ring buffers", points, export, drain)
	}); err != nil {
		return err
	}
	if err := underFtrace(func() error { return counts.count("Export, ftrace", points, export, nil) }); err != nil {
		return err
	}
	kernel, err := kernelRelease()
	if err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]any{"Kernel": kernel, "Counts": counts})
}

// count keeps the least of several runs, which is the one that was not interrupted.
func (now counted) count(name string, points int, run, prepare func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	least := time.Duration(1<<63 - 1)
	for i := range 12 {
		if prepare != nil {
			if err := prepare(); err != nil {
				return err
			}
		}
		begin := time.Now()
		if err := run(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if took := time.Since(begin); i > 2 { // the first fill caches
			least = min(least, took)
		}
	}
	now[name] = float64(least) / float64(points)
	return nil
}
