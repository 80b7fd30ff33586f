// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// fakeTracepoint stands in the seam, so that every failure of the kernel can be made to happen. What really arrives in
// a kernel is the business of the tests with the build tag kernel.
type fakeTracepoint struct {
	enabled atomic.Bool
	closed  atomic.Bool
	// onWrite, where set, decides about the n-th write, counted from 1, and onCheck about the n-th check.
	onWrite, onCheck func(n int) error
	// around, where set, is called before and after each call of Enabled, Check and Write.
	around func()

	mu             sync.Mutex
	writes, checks int
	events         [][]byte
}

func (f *fakeTracepoint) called() {
	if f.around != nil {
		f.around()
	}
}

func (f *fakeTracepoint) Enabled() bool {
	f.called()
	defer f.called()
	return f.enabled.Load() && !f.closed.Load()
}

func (f *fakeTracepoint) Check() error {
	f.called()
	defer f.called()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checks++
	switch {
	case f.closed.Load():
		return tracepoint.ErrClosed
	case f.onCheck != nil:
		return f.onCheck(f.checks)
	}
	return nil
}

func (f *fakeTracepoint) Write(event []byte) error {
	f.called()
	defer f.called()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed.Load() {
		return tracepoint.ErrClosed
	}
	f.writes++
	if f.onWrite != nil {
		if err := f.onWrite(f.writes); err != nil {
			return err
		}
	}
	f.events = append(f.events, slices.Clone(event[tracepoint.IndexSize:]))
	return nil
}

// holdFirstWrite makes the first write wait until goOn is closed; writing is closed when it has begun.
func (f *fakeTracepoint) holdFirstWrite() (writing <-chan struct{}, goOn chan<- struct{}) {
	begun, release := make(chan struct{}), make(chan struct{})
	f.onWrite = func(n int) error {
		if n == 1 {
			close(begun)
			<-release
		}
		return nil
	}
	return begun, release
}

func (f *fakeTracepoint) Close() error {
	f.closed.Store(true)
	return nil
}

// messages checks the fixed fields of each event and returns what is behind them.
func (f *fakeTracepoint) messages(t *testing.T) [][]byte {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	messages := make([][]byte, len(f.events))
	for i, event := range f.events {
		require.GreaterOrEqual(t, len(event), 16)
		require.Zero(t, binary.NativeEndian.Uint32(event), "protocol")
		require.Equal(t, "v0.19.00", string(event[4:12]), "version")
		location := binary.NativeEndian.Uint32(event[12:])
		require.Zero(t, location&0xffff, "offset of the buffer from the end of its word")
		require.EqualValues(t, len(event)-16, location>>16, "length of the buffer")
		messages[i] = event[16:]
	}
	return messages
}

// metrics returns the metrics in all events, in order.
func (f *fakeTracepoint) metrics(t *testing.T) []*metricpb.Metric {
	t.Helper()
	var metrics []*metricpb.Metric
	for _, message := range f.messages(t) {
		var parsed metricpb.MetricsData
		require.NoError(t, proto.Unmarshal(message, &parsed))
		for _, resource := range parsed.ResourceMetrics {
			for _, scope := range resource.ScopeMetrics {
				metrics = append(metrics, scope.Metrics...)
			}
		}
	}
	return metrics
}

// sums returns the values of all integer sums in all events, in order.
func (f *fakeTracepoint) sums(t *testing.T) []int64 {
	t.Helper()
	var values []int64
	for _, message := range f.messages(t) {
		values = append(values, metrictest.SumsOf(t, message)...)
	}
	return values
}

// enabledExporter returns an exporter over a tracepoint that somebody listens to.
func enabledExporter(t testing.TB, opts ...Option) (*Exporter, *fakeTracepoint) {
	fake := &fakeTracepoint{}
	fake.enabled.Store(true)
	exporter, err := newExporter(func(string) (registration, error) { return fake, nil }, opts...)
	require.NoError(t, err)
	return exporter, fake
}

// wordTracepoint has an enable word, as the kernel's has, and nobody ever listens to it.
type wordTracepoint struct{ word *uint32 }

func (w wordTracepoint) Enabled() bool    { return atomic.LoadUint32(w.word) != 0 }
func (wordTracepoint) Write([]byte) error { return nil }
func (wordTracepoint) Check() error       { return nil }
func (wordTracepoint) Close() error       { return nil }

// discardingTracepoint only counts.
type discardingTracepoint struct{ writes int }

func (*discardingTracepoint) Enabled() bool { return true }
func (*discardingTracepoint) Check() error  { return nil }
func (d *discardingTracepoint) Write([]byte) error {
	d.writes++
	return nil
}
func (*discardingTracepoint) Close() error { return nil }
