// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package usereventsmetric_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// readService is an application with a Reader.
type readService struct {
	exporter *usereventsmetric.Exporter
	reader   *usereventsmetric.Reader
	provider *sdkmetric.MeterProvider
	hits     metric.Int64Counter

	mu      sync.Mutex
	written [][]byte
}

func newReadService(t *testing.T, opts ...usereventsmetric.ReaderOption) *readService {
	t.Helper()
	s := &readService{}
	var err error
	s.exporter, err = usereventsmetric.NewObserved(func(payload []byte) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.written = append(s.written, bytes.Clone(payload))
	}, usereventsmetric.WithRequired())
	require.NoError(t, err)
	s.reader = usereventsmetric.NewReader(s.exporter, opts...)
	s.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.reader))
	t.Cleanup(func() { _ = s.provider.Shutdown(context.Background()) })
	s.hits, err = s.provider.Meter("service").Int64Counter("hits")
	require.NoError(t, err)
	return s
}

func (s *readService) payloads() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.written
}

func (s *readService) eventuallyCycles(t *testing.T, want int) {
	t.Helper()
	require.Eventually(
		t,
		func() bool { return s.exporter.Status().Cycles >= uint64(want) },
		time.Minute,
		time.Millisecond,
	)
	require.EqualValues(t, want, s.exporter.Status().Cycles)
}

// left waits until the listener has left, and the reader has noticed.
func (s *readService) left(t *testing.T) {
	t.Helper()
	eventuallyEnabled(t, s.exporter, false)
	require.NoError(t, s.reader.ForceFlush(t.Context()))
}

// rest is the sum of all hits that were not collected yet.
func (s *readService) rest(t *testing.T) (sum int64) {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, s.reader.Collect(t.Context(), &data))
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				sum += point.Value
			}
		}
	}
	return sum
}

func parse(t *testing.T, payload []byte) []*metricpb.Metric {
	t.Helper()
	var parsed metricpb.MetricsData
	require.NoError(t, proto.Unmarshal(payload, &parsed))
	require.Len(t, parsed.ResourceMetrics, 1)
	var metrics []*metricpb.Metric
	for _, scope := range parsed.ResourceMetrics[0].ScopeMetrics {
		metrics = append(metrics, scope.Metrics...)
	}
	return metrics
}

func next(t *testing.T, listener *listen.Listener) listen.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var event listen.Event
	require.NoError(t, listener.Read(ctx, &event))
	require.NoError(t, event.Err)
	return event
}

func TestKernelReaderExportsOnceWhenAListenerHasCome(t *testing.T) {
	const settle, interval = 500 * time.Millisecond, 2 * time.Second
	s := newReadService(t, usereventsmetric.WithInterval(interval), usereventsmetric.WithSettleDelay(settle))
	meter := s.provider.Meter("another")
	latency, err := meter.Float64Histogram("latency")
	require.NoError(t, err)
	_, err = meter.Int64ObservableGauge("observed", metric.WithInt64Callback(
		func(_ context.Context, observer metric.Int64Observer) error {
			observer.Observe(1)
			return nil
		}))
	require.NoError(t, err)
	for i := range 3 {
		s.hits.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("series", i)))
	}
	latency.Record(t.Context(), 1)
	require.NoError(t, s.reader.ForceFlush(t.Context()))
	require.Zero(t, s.exporter.Status().Cycles, "nobody listens")

	before := time.Now()
	listener := kerneltest.Attach(t, listen.Options{})
	first := next(t, listener)
	// By the wall clock, to which the listener's clock is mapped.
	const precision = time.Millisecond
	assert.False(t, first.Time.Before(before.Add(settle-precision)), "not before the settle delay is over")
	points := map[string]int{}
	for _, m := range parse(t, first.Payload) {
		points[m.Name] += len(
			m.GetSum().GetDataPoints(),
		) + len(
			m.GetGauge().GetDataPoints(),
		) + len(
			m.GetHistogram().GetDataPoints(),
		)
	}
	assert.Equal(t, map[string]int{"hits": 3, "latency": 1, "observed": 1}, points, "every series in one event")

	second := next(t, listener)
	assert.False(t, second.Time.Before(before.Add(settle+interval-precision)), "the next one is that of the interval")
	require.Len(t, parse(t, second.Payload), 1)
	assert.Equal(t, "observed", parse(t, second.Payload)[0].Name)
}

func TestKernelReaderWithPerf(t *testing.T) {
	// perf is not ready before it has read about every process there is.
	s := newReadService(t, usereventsmetric.WithInterval(time.Hour), usereventsmetric.WithSettleDelay(5*time.Second))
	s.hits.Add(t.Context(), 1)
	recorded := kerneltest.PerfRecord(t, func() {
		require.Zero(t, s.exporter.Status().Cycles)
		s.eventuallyCycles(t, 1)
	})
	assertHolds(t, recorded, s.payloads())
}

func TestKernelReaderStartedByAListener(t *testing.T) {
	listener := kerneltest.Attach(t, listen.Options{})
	s := newReadService(t, usereventsmetric.WithInterval(time.Hour))
	s.hits.Add(t.Context(), 5)
	assert.Equal(t, []int64{5}, metrictest.SumsOf(t, next(t, listener).Payload))
	s.hits.Add(t.Context(), 6)
	require.NoError(t, s.provider.Shutdown(t.Context()))
	assert.Equal(t, []int64{6}, metrictest.SumsOf(t, next(t, listener).Payload), "Shutdown exports a last time")
	total := listener.Stats().Total()
	assert.EqualValues(t, 2, total.Written)
}

// oneRing is a listener to one CPU, as perf opens one after the other.
type oneRing struct {
	fd     int
	memory []byte
}

func openRing(t *testing.T, cpu int) *oneRing {
	t.Helper()
	text, err := os.ReadFile(kerneltest.EventDir(kerneltest.OTLP) + "/id")
	require.NoError(t, err)
	id, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	require.NoError(t, err)
	attr := unix.PerfEventAttr{
		Type:        unix.PERF_TYPE_TRACEPOINT,
		Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Config:      id,
		Sample:      1,
		Sample_type: unix.PERF_SAMPLE_RAW,
	}
	fd, err := unix.PerfEventOpen(&attr, -1, cpu, -1, unix.PERF_FLAG_FD_CLOEXEC)
	require.NoError(t, err)
	memory, err := unix.Mmap(fd, 0, (1+16)*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	require.NoError(t, err)
	ring := &oneRing{fd, memory}
	t.Cleanup(ring.close)
	return ring
}

func (r *oneRing) close() {
	if r.memory != nil {
		_ = unix.Munmap(r.memory)
		_ = unix.Close(r.fd)
		r.memory = nil
	}
}

func (r *oneRing) count(payload []byte) int { return bytes.Count(r.memory, payload) }

// onlyOn makes all threads of this process, and those to come, run on one CPU until the test ends.
func onlyOn(t *testing.T, cpu int) {
	t.Helper()
	var before, only unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	only.Set(cpu)
	move := func(set *unix.CPUSet) {
		// Twice, for a thread that was made by another one which had not been moved yet.
		for range 2 {
			threads, err := filepath.Glob("/proc/self/task/*")
			require.NoError(t, err)
			for _, thread := range threads {
				tid, err := strconv.Atoi(filepath.Base(thread))
				require.NoError(t, err)
				if err := unix.SchedSetaffinity(tid, set); err != unix.ESRCH {
					require.NoError(t, err)
				}
			}
		}
	}
	move(&only)
	t.Cleanup(func() { move(&before) })
}

// The enable word rises with the ring of the first CPU, and the writes go to the second, which gets its ring later.
func TestKernelReaderWaitsForTheRingsOfAllCPUs(t *testing.T) {
	for _, test := range []struct {
		name   string
		settle time.Duration
		got    int
	}{
		{"within the settle delay", 5 * time.Second, 1},
		{"without a settle delay", 0, 0}, // which is what the delay is for
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newReadService(
				t,
				usereventsmetric.WithInterval(time.Hour),
				usereventsmetric.WithSettleDelay(test.settle),
			)
			for i := range 3 {
				s.hits.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("series", i)))
			}
			onlyOn(t, 1)
			early := openRing(t, 0)
			require.True(t, s.exporter.Enabled())
			if test.settle == 0 {
				s.eventuallyCycles(t, 1)
			}
			require.EqualValues(t, 1-test.got, s.exporter.Status().Cycles)
			late := openRing(t, 1)
			s.eventuallyCycles(t, 1)

			require.Len(t, s.payloads(), 1)
			assert.Equal(t, []int64{1, 1, 1}, metrictest.SumsOf(t, s.payloads()[0][16:]))
			assert.Equal(t, test.got, late.count(s.payloads()[0]))
			assert.Zero(t, early.count(s.payloads()[0]))
		})
	}
}

// hitAllTheTime counts hits in two goroutines until it is stopped, and returns how many there were.
func (s *readService) hitAllTheTime() (stop func() int64) {
	var made atomic.Int64
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for i := range 2 {
		series := metric.WithAttributes(attribute.Int("series", i))
		group.Go(func() {
			for ctx.Err() == nil {
				s.hits.Add(ctx, 1, series)
				made.Add(1)
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	return func() int64 {
		cancel()
		group.Wait()
		return made.Load()
	}
}

func TestKernelReaderLosesNothingOverRestartsOfTheListener(t *testing.T) {
	s := newReadService(t, usereventsmetric.WithInterval(time.Hour))
	stop := s.hitAllTheTime()
	defer stop()
	received := int64(0)
	const restarts = 10
	for i := range restarts {
		messages := s.exporter.Status().Messages
		collected := kerneltest.Collect(t, listen.Options{})
		s.eventuallyCycles(t, 2*i+1) // the one after the settle delay
		require.NoError(t, s.reader.ForceFlush(t.Context()))
		// It leaves while no export is running.
		total := collected.Drained(t)
		assert.Zero(t, total.Lost)
		assert.EqualValues(t, s.exporter.Status().Messages-messages, total.Received)
		for _, value := range collected.Sums(t) {
			received += value
		}
		s.left(t)
	}
	assert.EqualValues(t, 2*restarts, s.exporter.Status().Cycles)
	made := stop()
	require.NoError(t, s.reader.ForceFlush(t.Context()))
	rest := s.rest(t)
	t.Logf("%d hits made, %d received, %d not collected yet", made, received, rest)
	assert.Equal(t, made, received+rest)
	assert.Positive(t, rest)
}

// Listeners that leave at any moment may lose the exports of that moment, and what is in their rings, but nothing else.
func TestKernelReaderListenersThatLeaveAtAnyMoment(t *testing.T) {
	s := newReadService(
		t,
		usereventsmetric.WithInterval(5*time.Millisecond),
		usereventsmetric.WithSettleDelay(300*time.Millisecond),
	)
	// This one is in every export, with the time of it.
	_, err := s.provider.Meter("service").Int64ObservableCounter("always", metric.WithInt64Callback(
		func(_ context.Context, observer metric.Int64Observer) error {
			observer.Observe(0)
			return nil
		}))
	require.NoError(t, err)
	span := func(payload []byte) (start, end uint64) {
		for _, m := range parse(t, payload) {
			if m.Name == "always" {
				point := m.GetSum().DataPoints[0]
				return point.StartTimeUnixNano, point.TimeUnixNano
			}
		}
		t.Fatal("an export without it")
		return 0, 0
	}
	stop := s.hitAllTheTime()
	defer stop()

	received, gaps, previous := int64(0), 0, uint64(0)
	const restarts = 10
	for range restarts {
		collected := kerneltest.Collect(t, listen.Options{})
		require.Eventually(
			t,
			func() bool { return collected.Listener.Stats().Total().Received >= 10 },
			time.Minute,
			time.Millisecond,
		)
		collected.Close(t)
		s.left(t)
		require.NotEmpty(t, collected.Payloads)
		for i, payload := range collected.Payloads {
			start, end := span(payload)
			if i > 0 {
				require.Equal(t, previous, start, "while it listened, nothing was lost")
			} else if previous != 0 && previous != start {
				require.Greater(t, start, previous)
				gaps++
			}
			previous = end
			for _, value := range metrictest.SumsOf(t, payload) {
				received += value
			}
		}
	}
	made := stop()
	rest := s.rest(t)
	t.Logf("%d hits made, %d received, %d not collected yet; between listeners, exports were lost %d times of %d",
		made, received, rest, gaps, restarts-1)
	assert.LessOrEqual(t, received+rest, made, "nothing is there twice")
}
