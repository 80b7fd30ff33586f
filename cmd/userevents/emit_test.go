// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/emit"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags emitFlags
		want  time.Duration
	}{
		{"the default", emitFlags{series: 10, interval: time.Second}, time.Second},
		{"an interval", emitFlags{series: 10, interval: time.Minute}, time.Minute},
		{"a rate", emitFlags{series: 10, rate: 100, interval: time.Second}, 100 * time.Millisecond},
		{"a low rate", emitFlags{series: 10, rate: 0.5, interval: time.Second}, 20 * time.Second},
		{"hardly any", emitFlags{series: 10, rate: 1e-300, interval: time.Second}, math.MaxInt64 / 2},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.InEpsilon(t, tt.want, tt.flags.pace(), 1e-9) })
	}
}

// Where there are no user_events, the command says what is missing.
func TestCannotEmit(t *testing.T) {
	var out, errs bytes.Buffer
	status := run([]string{"emit", "--data-file", "/nowhere/user_events_data"}, &out, &errs)
	if !tracepoint.Capable.PassedDescriptor {
		assert.NotZero(t, status)
		assert.Contains(t, errs.String(), tracepoint.Backend+" finds user_events_data by itself")
		return
	}
	assert.Equal(t, exitNoAccess, status)
	assert.Contains(t, errs.String(), "/nowhere/user_events_data")
	assert.Contains(t, errs.String(), "6.4")
}

// keeper is an exporter and a tracepoint that counts what it gets.
type keeper struct{ points, events uint64 }

func (k *keeper) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	k.points += uint64(otlp.CountPoints(rm))
	return nil
}
func (k *keeper) Enabled() bool                   { return true }
func (k *keeper) Status() usereventsmetric.Status { return usereventsmetric.Status{Points: k.points} }
func (k *keeper) Write([]byte) error              { k.events++; return nil }

func emitter(k *keeper) (e *emit.Emitter, warnings *[]string) {
	warnings = new([]string)
	return &emit.Emitter{Enabled: k.Enabled, Warn: func(l string) { *warnings = append(*warnings, l) }}, warnings
}

const twoRequests = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[` +
	`{"name":"a","gauge":{"dataPoints":[{"asInt":"1"},{"asInt":"2"}]}}]}]}]}` + "\n" +
	`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"3"}]}}]}]},` +
	`{"scopeMetrics":[{"metrics":[{"name":"b","gauge":{"dataPoints":[{"asInt":"4"}]}}]}]}]}` + "\n"

func TestEmitFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	good := file("good", twoRequests)
	unspecified := `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[` +
		`{"name":"m","sum":{"dataPoints":[{"asInt":"1"}]}}]}]}]}` + "\n"
	stale := strings.ReplaceAll(twoRequests, `{"asInt":"3"}`, `{"flags":1}`)
	for _, tt := range []struct {
		name   string
		files  []string
		count  uint64
		result emit.Result // but Bytes
		err    string
		warn   string
	}{
		{"one", []string{good}, 0, emit.Result{Exports: 2, Offered: 4, Written: 4, Events: 2}, "", ""},
		{"two", []string{good, good}, 0, emit.Result{Exports: 4, Offered: 8, Written: 8, Events: 4}, "", ""},
		{"stdin", []string{"-", good}, 0, emit.Result{Exports: 4, Offered: 8, Written: 8, Events: 4}, "", ""},
		{"so many requests", []string{good, good}, 3, emit.Result{Exports: 3, Offered: 6, Written: 6, Events: 3}, "",
			""},
		{"a file that is not there", []string{filepath.Join(dir, "nowhere"), good}, 0,
			emit.Result{Exports: 2, Offered: 4, Written: 4, Events: 2}, "no such file", ""},
		{"cut off", []string{file("cut", twoRequests[:len(twoRequests)-10]), good}, 0,
			emit.Result{Exports: 3, Offered: 6, Written: 6, Events: 3, Unreadable: 1}, "1 damaged request",
			"request 2: cut off"},
		{"a request that is none", []string{file("other", `{"a":1}`+"\n"+twoRequests)}, 0,
			emit.Result{Exports: 2, Offered: 4, Written: 4, Events: 2, Unreadable: 1}, "",
			"request 1: no resourceMetrics in it"},
		{"an empty one and logs", []string{file("empty", "{}\n"+twoRequests+`{"resourceLogs":[]}`)}, 0,
			emit.Result{Exports: 2, Offered: 4, Written: 4, Events: 2}, "",
			"1 request of logs, 1 empty request passed over"},
		{"a sum without a temporality", []string{file("unspecified", unspecified+unspecified)}, 0,
			emit.Result{Exports: 2, Offered: 2, Written: 2, Events: 2}, "", ""},
		{"events among them", []string{file("events", `{"n":"Shop:order","books":3,"meta":{"level":4}}`+"\n"+
			twoRequests+`{"n":"sched:exec","meta":{"pid":7}}`)}, 0,
			emit.Result{Exports: 2, Offered: 4, Written: 4, Events: 2,
				EventHeader: emit.Counts{Offered: 2, Written: 1, Dropped: 1}},
			"", "events of sched:exec are not written"},
		{"a point without a value", []string{file("stale", stale)}, 0,
			emit.Result{Exports: 2, Offered: 4, Written: 4, Events: 2}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &keeper{}
			e, warnings := emitter(k)
			e.Register = func(string) (emit.Tracepoint, error) { return k, nil }
			f := emitFlags{endFlags: endFlags{count: tt.count}}
			err := f.emitFiles(context.Background(), e, k, strings.NewReader(twoRequests), tt.files)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
				assert.ErrorContains(t, err, dir)
			}
			if tt.warn == "" {
				assert.Equal(t, []string{"somebody listens"}, *warnings)
			} else {
				assert.Contains(t, strings.Join(*warnings, "\n"), tt.warn)
			}
			r := e.Result
			r.Bytes = 0
			assert.Equal(t, tt.result, r)
			assert.Equal(t, tt.result.Events+tt.result.EventHeader.Written, k.events)
		})
	}
}

// A pipe without anything in it does not keep the command from ending.
func TestEmitFilesIsInterrupted(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	k := &keeper{}
	done := make(chan error)
	go func() {
		e, _ := emitter(k)
		done <- (&emitFlags{}).emitFiles(ctx, e, k, r, []string{"-"})
	}()
	_, err := io.WriteString(w, twoRequests)
	require.NoError(t, err)
	cancel()
	err = <-done
	if err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	w.Close()
}

func TestEmitLoadEnds(t *testing.T) {
	k := &keeper{}
	e, _ := emitter(k)
	f := emitFlags{series: 7, interval: time.Millisecond, endFlags: endFlags{count: 3}}
	require.NoError(t, f.emitLoad(context.Background(), e, k))
	assert.Equal(t, uint64(21), k.points)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.count = 0
	require.NoError(t, f.emitLoad(ctx, e, k))
	assert.Equal(t, uint64(21), k.points)
}

// A rate that is missed is reported, once there were enough exports to say so.
func TestMissedRate(t *testing.T) {
	for _, tt := range []struct {
		name    string
		exports int
		took    time.Duration
		missed  bool
	}{
		{"kept", 20, 2 * time.Second, false},
		{"nearly kept", 20, 2100 * time.Millisecond, false},
		{"missed", 20, 4 * time.Second, true},
		{"too few exports to say", 5, 4 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &keeper{}
			e, warnings := emitter(k)
			f := emitFlags{series: 10, rate: 100, interval: time.Nanosecond}
			load := emit.NewLoad(f.series)
			for range tt.exports {
				require.NoError(t, e.Export(context.Background(), k, load.Next()))
			}
			f.checkRate(e, tt.took)
			if tt.missed {
				assert.Equal(t,
					"--rate 100 was missed: 50 points per second; more --series in fewer exports may reach it",
					(*warnings)[1])
			} else {
				assert.Len(t, *warnings, 1)
			}
		})
	}
}
