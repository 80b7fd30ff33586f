// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bufio"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// everyKind has each kind of metric, number, attribute and exemplar that the SDK
// knows.
func everyKind(t *testing.T) pmetric.Metrics {
	t.Helper()
	all := pmetric.NewMetrics()
	rm := all.ResourceMetrics().AppendEmpty()
	rm.SetSchemaUrl("https://example.com/resource")
	fill(t, rm.Resource().Attributes())
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.SetSchemaUrl("https://example.com/scope")
	sm.Scope().SetName("scope")
	sm.Scope().SetVersion("1.2.3")
	sm.Scope().Attributes().PutStr("a", "b")

	metric := func(name string) pmetric.Metric {
		m := sm.Metrics().AppendEmpty()
		m.SetName(name)
		m.SetUnit("1")
		m.SetDescription("of " + name)
		return m
	}
	number := func(p pmetric.NumberDataPoint, integer bool) {
		p.SetStartTimestamp(1_000)
		p.SetTimestamp(2_000)
		fill(t, p.Attributes())
		e := p.Exemplars().AppendEmpty()
		e.SetTimestamp(1_500)
		e.SetSpanID([8]byte{1})
		e.SetTraceID([16]byte{2})
		e.FilteredAttributes().PutStr("user", "u")
		if integer {
			p.SetIntValue(math.MinInt64)
			e.SetIntValue(math.MaxInt64)
		} else {
			p.SetDoubleValue(-0.5)
			e.SetDoubleValue(math.Inf(1))
		}
	}
	number(metric("gauge.int").SetEmptyGauge().DataPoints().AppendEmpty(), true)
	number(metric("gauge.double").SetEmptyGauge().DataPoints().AppendEmpty(), false)
	for _, temporality := range []pmetric.AggregationTemporality{pmetric.AggregationTemporalityDelta,
		pmetric.AggregationTemporalityCumulative} {
		for _, monotonic := range []bool{false, true} {
			s := metric("sum." + temporality.String() + "." + strconv.FormatBool(monotonic)).SetEmptySum()
			s.SetIsMonotonic(monotonic)
			s.SetAggregationTemporality(temporality)
			number(s.DataPoints().AppendEmpty(), monotonic)
		}
		h := metric("histogram." + temporality.String()).SetEmptyHistogram()
		h.SetAggregationTemporality(temporality)
		p := h.DataPoints().AppendEmpty()
		p.SetTimestamp(2_000)
		p.SetCount(3)
		p.SetSum(1.5)
		p.SetMin(-1)
		p.SetMax(2)
		p.ExplicitBounds().FromRaw([]float64{0, 1})
		p.BucketCounts().FromRaw([]uint64{1, 1, 1})
		h.DataPoints().AppendEmpty().SetSum(0) // without buckets, minimum and maximum

		x := metric("exponential." + temporality.String()).SetEmptyExponentialHistogram()
		x.SetAggregationTemporality(temporality)
		q := x.DataPoints().AppendEmpty()
		q.SetTimestamp(2_000)
		q.SetCount(4)
		q.SetSum(4)
		q.SetScale(-3)
		q.SetZeroCount(1)
		q.SetZeroThreshold(0.25)
		q.Positive().SetOffset(-7)
		q.Positive().BucketCounts().FromRaw([]uint64{1, 0, 1})
		q.Negative().SetOffset(3)
		q.Negative().BucketCounts().FromRaw([]uint64{1})
		q.Exemplars().AppendEmpty().SetIntValue(4)
	}
	s := metric("summary").SetEmptySummary().DataPoints().AppendEmpty()
	s.SetCount(2)
	s.SetSum(3)
	v := s.QuantileValues().AppendEmpty()
	v.SetQuantile(0.99)
	v.SetValue(2)
	return all
}

// fill has an attribute of each kind, in the order of a set.
func fill(t *testing.T, m pcommon.Map) {
	t.Helper()
	m.PutBool("bool", true)
	m.PutEmptyBytes("bytes").FromRaw([]byte{0, 255})
	m.PutDouble("double", 0.1)
	m.PutEmpty("empty")
	m.PutInt("int", -7)
	m.PutEmptyMap("map").PutEmptySlice("slice").AppendEmpty().SetInt(1)
	require.NoError(t, m.PutEmptySlice("slice").FromRaw([]any{"a", int64(1), false}))
	m.PutStr("string", "\x1b[2J 世界")
}

func proto(t *testing.T, m pmetric.Metrics) []byte {
	t.Helper()
	b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	require.NoError(t, err)
	return b
}

// request parses a line as the Collector does.
func request(t *testing.T, line string) pmetric.Metrics {
	t.Helper()
	r := pmetricotlp.NewExportRequest()
	require.NoError(t, r.UnmarshalJSON([]byte(line)), line)
	return r.Metrics()
}

func TestKernelListenAsJSONIsWhatWasSent(t *testing.T) {
	const tracepoint = "userevents_json_is_what_was_sent"
	e := holding(t, tracepoint)
	cmd, stdout, stderr := start(t, "listen", "--name", tracepoint, "--format", "json", "--count", "1")
	attached(t, cmd.Process.Pid, e.Enabled)
	sent := everyKind(t)
	emitter := newWriter(t, tracepoint, tracefs.FieldsOTLP)
	emitter.raw(t, otlpFields(proto(t, sent)))
	line, err := stdout.ReadString('\n')
	require.NoError(t, err, stderr)
	assert.Equal(t, proto(t, sent), proto(t, request(t, line)))
	require.NoError(t, cmd.Wait(), stderr)
}

// A file goes through emit, the kernel and listen, and is the same afterwards.
func TestKernelEmitAndListen(t *testing.T) {
	const tracepoint = "userevents_emit_and_listen"
	dir := t.TempDir()
	json, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(everyKind(t))
	require.NoError(t, err)
	file := filepath.Join(dir, "all.json")
	require.NoError(t, os.WriteFile(file, []byte(string(json)+"\n"+string(json)+"\n"), 0o600))

	cmd, stdout, stderr := start(t, "listen", "--name", tracepoint, "--format", "json", "--count", "3")
	emit, emitted := must(t, command(t, "emit", "--name", tracepoint, "--wait", file))
	assert.Empty(t, emit)
	points := everyKind(t).DataPointCount()
	assert.Contains(t, emitted,
		"2 exports, "+strconv.Itoa(2*points)+" points: "+strconv.Itoa(2*points)+" written in 2 events of ")
	assert.Contains(t, emitted, " 0 dropped, 0 while nobody listened")

	stdin := command(t, "emit", "--name", tracepoint, "--wait", "-")
	stdin.Stdin = strings.NewReader(string(json))
	must(t, stdin)
	for range 3 {
		line, err := stdout.ReadString('\n')
		require.NoError(t, err, stderr)
		assert.Equal(t, proto(t, everyKind(t)), proto(t, request(t, line)))
	}
	require.NoError(t, cmd.Wait(), stderr)
	assert.Contains(t, stderr.String(), "3 events, "+strconv.Itoa(3*points)+" points, 0 lost, 0 gaps, 0 undecodable")
}

func TestKernelEmitWithoutAListener(t *testing.T) {
	const tracepoint = "userevents_emit_without_a_listener"
	_, stderr, code := toEnd(t, command(t, "emit", "--name", tracepoint, "--count", "2", "--interval", "1ms"))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "nobody listens: nothing is written until somebody does")
	assert.Contains(t, stderr,
		"2 exports, 20 points: 0 written in 0 events of 0 bytes in all, 0 dropped, 20 while nobody listened")
	assert.Contains(t, stderr, "begin with the listener, or use --wait")

	// Waiting ends as asked, too.
	cmd := command(t, "emit", "--name", tracepoint, "--wait")
	errs, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(errs)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "userevents: waiting for a listener\n", line)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
}

// What cannot be written is reported, the rest is written: of a request that takes
// many events, a point that is too large for any, one that is written without its
// exemplars, what the SDK cannot hold, and after a request that cannot be read.
func TestKernelEmitReportsWhatWasDropped(t *testing.T) {
	const tracepoint = "userevents_emit_reports_what_was_dropped"
	pd := pmetric.NewMetrics()
	metrics := pd.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	point := func(name string, length int) pmetric.NumberDataPoint {
		m := metrics.AppendEmpty()
		m.SetName(name)
		p := m.SetEmptySum().DataPoints().AppendEmpty() // without a temporality
		p.SetIntValue(1)
		p.Attributes().PutStr("k", strings.Repeat("x", length))
		return p
	}
	point("large", 9000)
	point("exemplars", 5000).Exemplars().AppendEmpty().FilteredAttributes().PutStr("k", strings.Repeat("x", 4000))
	for range 100 {
		point("small", 100)
	}
	point("stale", 1).SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
	json, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(pd)
	require.NoError(t, err)
	listen, shown, listened := start(t, "listen", "--name", tracepoint)
	emit := command(t, "emit", "--name", tracepoint, "--wait", "-")
	emit.Stdin = strings.NewReader(string(json) + "\n{\"a\":1}\n{}\n" + string(json))
	_, stderr, code := toEnd(t, emit)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "1 data point not written of large: 90")
	assert.Contains(t, stderr, "1 exemplar left out of exemplars: 90")
	assert.Contains(t, stderr, "stdin: request 2: no resourceMetrics in it")
	assert.Contains(t, stderr, "stdin: 1 empty request passed over")
	assert.Contains(t, stderr, "2 exports, 206 points: 204 written in ")
	assert.Contains(t, stderr, " 2 dropped, 0 while nobody listened, 1 unreadable request")
	require.NoError(t, listen.Process.Signal(syscall.SIGTERM))
	out, err := io.ReadAll(shown)
	require.NoError(t, err)
	require.NoError(t, listen.Wait(), listened)
	assert.Equal(t, 204, strings.Count(string(out), "\n"))
	assert.NotContains(t, string(out), " large ")
}
