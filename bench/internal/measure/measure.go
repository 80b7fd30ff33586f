// SPDX-License-Identifier: Apache-2.0

// Package measure compares what cycles of work cost, in CPU time: of the whole process, so that what the garbage
// collector does for a candidate counts too, and not what else the machine does.
package measure

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Candidate is something that does the same work in its own way.
type Candidate struct {
	Name string
	// Prepare, if there is one, is called before each Run and not measured.
	Prepare func() error
	Run     func() error
}

// Result is what one run costs.
type Result struct {
	Name string
	// CPU is the median of the rounds.
	CPU time.Duration
	// Allocs and Bytes are those of the Go heap, the median of the rounds.
	Allocs, Bytes float64
}

// Options say how long to measure.
type Options struct {
	Rounds int           // 1 or more
	Slice  time.Duration // CPU time of each round and candidate, at least
}

// Compare interleaves the candidates, so that what disturbs the machine disturbs them all.
func Compare(o Options, candidates ...Candidate) ([]Result, error) {
	if o.Rounds < 1 {
		return nil, errors.New("measure: no rounds")
	}
	samples := make([][]sample, len(candidates))
	for _, c := range candidates { // what happens only once
		if _, err := run(c, 0); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	for range o.Rounds {
		for i, c := range candidates {
			s, err := run(c, o.Slice)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	results := make([]Result, len(candidates))
	for i, c := range candidates {
		results[i] = Result{
			Name:   c.Name,
			CPU:    time.Duration(median(samples[i], func(s sample) float64 { return s.cpu })),
			Allocs: median(samples[i], func(s sample) float64 { return s.allocs }),
			Bytes:  median(samples[i], func(s sample) float64 { return s.bytes }),
		}
	}
	return results, nil
}

// sample is the cost of one run in one round.
type sample struct{ cpu, allocs, bytes float64 }

// run repeats a candidate until it has had the CPU time, and at least once.
func run(c Candidate, slice time.Duration) (sample, error) {
	// The garbage of the one before is not this one's.
	runtime.GC()
	var spent time.Duration
	var allocs, bytes uint64
	var before, after runtime.MemStats
	n := 0
	for n == 0 || spent < slice {
		// Ever more at a time, where possible: reading the statistics stops the world.
		times := max(1, n)
		if c.Prepare != nil {
			times = 1
			if err := c.Prepare(); err != nil {
				return sample{}, err
			}
		}
		runtime.ReadMemStats(&before)
		begin := CPU()
		for range times {
			if err := c.Run(); err != nil {
				return sample{}, err
			}
		}
		spent += CPU() - begin
		n += times
		runtime.ReadMemStats(&after)
		allocs += after.Mallocs - before.Mallocs
		bytes += after.TotalAlloc - before.TotalAlloc
	}
	return sample{float64(spent) / float64(n), float64(allocs) / float64(n), float64(bytes) / float64(n)}, nil
}

// CPU is the CPU time of the process so far.
func CPU() time.Duration { return clock(unix.CLOCK_PROCESS_CPUTIME_ID) }

// ThreadCPU is the CPU time of the calling thread so far.
func ThreadCPU() time.Duration { return clock(unix.CLOCK_THREAD_CPUTIME_ID) }

func clock(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		panic(fmt.Sprintf("clock_gettime(%d): %v", id, err)) // both clocks are there since Linux 2.6
	}
	return time.Duration(ts.Nano())
}

func median(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	return Median(values)
}

// Median is the middle one, or the mean of the two in the middle. It sorts its argument.
func Median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}
