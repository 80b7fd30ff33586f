// SPDX-License-Identifier: Apache-2.0

package ftraceraw_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/ftraceraw"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// What ftrace recorded of five events with pauses: a kernel test records it anew, and testdata has it from a
// Linux 6.12, so that it is read on any system.

const (
	recordedEvents = 5
	recordedPause  = 200 * time.Millisecond // more than 27 bits of nanoseconds
)

func recordedPayload(i int) []byte { return fmt.Appendf(nil, "payload %d", i) }

// readAll reads to the end, and returns copies of the events.
func readAll(in io.Reader, options ftraceraw.Options) (events []listen.Event, r *ftraceraw.Reader, err error) {
	r, err = ftraceraw.NewReader(in, options)
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

func assertRecording(t *testing.T, pages []byte, format, header string) {
	t.Helper()
	events, r, err := readAll(bytes.NewReader(pages), ftraceraw.Options{Formats: []string{format}, HeaderPage: header, CPU: 1})
	require.NoError(t, err)
	require.Len(t, events, recordedEvents)
	for i, ev := range events {
		assert.Equal(t, "otlp_metrics", ev.Tracepoint)
		assert.Equal(t, recordedPayload(i), ev.Payload)
		assert.Equal(t, layouttest.Version, ev.Version)
		assert.Equal(t, 1, ev.CPU)
		assert.Positive(t, ev.TID)
		assert.Zero(t, ev.PID)
		assert.True(t, ev.Time.IsZero())
		assert.NoError(t, ev.Err)
		if i > 0 {
			assert.GreaterOrEqual(t, ev.Monotonic-events[i-1].Monotonic, int64(recordedPause))
		}
	}
	stats := r.Stats()
	assert.Equal(t, ftraceraw.Stats{Pages: stats.Pages, Events: recordedEvents, Received: recordedEvents}, stats)
}

func testdata(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(b)
}

func TestRecording(t *testing.T) {
	assertRecording(t, []byte(testdata(t, "pages")), testdata(t, "format"), testdata(t, "header_page"))
}
