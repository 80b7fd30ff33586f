// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// What perf recorded of five events, with various options: the kernel tests
// record it again, and testdata has it from a Linux 6.12 with perf 6.1, so that it is
// read on any system.

const (
	event = "user_events:otlp_metrics"
	other = "user_events:other" // u32 n
)

var recordings = []struct {
	name    string
	options []string
	self    bool
	stream  bool
	// What is different from what perf writes by default.
	clock     string
	wallClock bool
	others    bool
	err       error
}{
	{name: "default", options: []string{"-e", event}},
	{name: "stream", options: []string{"-e", event}, stream: true},
	{name: "callchains", options: []string{"-g", "-e", event}},
	{name: "stacks", options: []string{"--call-graph", "dwarf,256", "-e", event}},
	{name: "addresses", options: []string{"-d", "--phys-data", "-W", "-e", event}},
	{name: "registers", options: []string{"--intr-regs", "--user-regs", "-e", event}},
	{name: "monotonic", options: []string{"-k", "CLOCK_MONOTONIC", "-e", event}, clock: "CLOCK_MONOTONIC",
		wallClock: true},
	{name: "raw-stream", options: []string{"-k", "CLOCK_MONOTONIC_RAW", "-e", event}, stream: true,
		clock: "CLOCK_MONOTONIC_RAW", wallClock: true},
	{name: "several", options: []string{"-e", event, "-e", "cpu-clock/freq=20/", "-e", other}, others: true},
	{name: "several-stream", options: []string{"-e", other, "-e", event}, stream: true, others: true},
	{name: "group", options: []string{"-g", "-e", "{" + event + "," + other + "}:S"}},
	{name: "switches", options: []string{"--switch-events", "-e", event}},
	{name: "identifier", options: []string{"--sample-identifier", "--period", "-e", event}},
	{name: "timeless", options: []string{"--no-timestamp", "-e", event}},
	{name: "process", options: []string{"-e", event}, self: true},
	{name: "per-thread", options: []string{"--per-thread", "-e", event}, self: true},
	{name: "compressed", options: []string{"-z", "-e", event}, err: perfdata.ErrCompressed},
	{name: "compressed-stream", options: []string{"-z", "-e", event}, stream: true, err: perfdata.ErrCompressed},
}

const recordedEvents = 5

func recordedPayload(i int) []byte { return fmt.Appendf(nil, "payload %d", i) }

// notSeekable hides the methods of a reader.
type notSeekable struct{ io.Reader }

func input(data []byte, stream bool) io.Reader {
	if stream {
		return notSeekable{bytes.NewReader(data)}
	}
	return bytes.NewReader(data)
}

// readAll reads to the end, and returns copies of the events.
func readAll(in io.Reader, options perfdata.Options) (events []listen.Event, r *perfdata.Reader, err error) {
	r, err = perfdata.NewReader(in, options)
	if err != nil {
		return nil, nil, err
	}
	for ev, err := range r.All() {
		if err != nil {
			return events, r, err
		}
		one := *ev
		one.Payload = bytes.Clone(ev.Payload)
		events = append(events, one)
	}
	return events, r, nil
}

// assertRecording checks what is read in the recording of that number, which a process of that name wrote.
func assertRecording(t *testing.T, n int, data []byte, process string) {
	t.Helper()
	recorded := recordings[n]
	events, r, err := readAll(input(data, recorded.stream), perfdata.Options{})
	if recorded.err != nil {
		require.ErrorIs(t, err, recorded.err)
		assert.Empty(t, events)
		return
	}
	require.NoError(t, err)
	require.Len(t, events, recordedEvents)
	for i, ev := range events {
		assert.Equal(t, recordedPayload(i), ev.Payload)
		assert.Equal(t, "otlp_metrics", ev.Tracepoint)
		assert.Equal(t, layouttest.Version, ev.Version)
		assert.Zero(t, ev.Protocol)
		assert.Zero(t, ev.LostBefore)
		assert.NoError(t, ev.Err)
		assert.Positive(t, ev.PID)
		assert.Equal(t, process, ev.Process)
		assert.Positive(t, ev.TID)
		assert.GreaterOrEqual(t, ev.CPU, 0)
		assert.Positive(t, ev.Monotonic)
		assert.Equal(t, recorded.wallClock, !ev.Time.IsZero(), "time %v", ev.Time)
		if recorded.wallClock {
			assert.WithinRange(t, ev.Time, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
				time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
		}
		if i > 0 {
			assert.Greater(t, ev.Monotonic, events[i-1].Monotonic)
		}
	}
	stats := r.Stats()
	assert.Greater(t, stats.Records, uint64(recordedEvents))
	assert.Equal(t, recorded.others, stats.Other > 0, "%d other events", stats.Other)
	stats.Records, stats.Other = 0, 0
	assert.Equal(t, perfdata.Stats{Received: recordedEvents}, stats)

	info := r.Info()
	assert.Equal(t, recorded.stream, info.Stream)
	assert.False(t, info.Unfinished)
	if recorded.clock == "" {
		recorded.clock = "perf"
	}
	assert.Equal(t, recorded.clock, info.Clock)
	assert.Equal(t, recorded.wallClock, info.WallClock)
	wanted := 0
	for _, tp := range info.Tracepoints {
		assert.NoError(t, tp.Err)
		assert.Positive(t, tp.ID)
		if tp.Wanted {
			wanted++
			assert.Equal(t, "user_events/otlp_metrics", tp.Event)
			assert.Equal(t, "otlp_metrics", tp.Name)
			assert.Equal(t, listen.LayoutOTLP, tp.Layout)
		} else {
			assert.Equal(t, "user_events/other", tp.Event)
		}
	}
	assert.Equal(t, 1, wanted)
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	data, err := io.ReadAll(z)
	require.NoError(t, err)
	return data
}

func TestRecordings(t *testing.T) {
	for n, recorded := range recordings {
		t.Run(recorded.name, func(t *testing.T) { assertRecording(t, n, testdata(t, recorded.name), "perfdata.test") })
	}
}
