// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
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
)

func TestPace(t *testing.T) {
	for _, tt := range []struct {
		name     string
		flags    emitFlags
		points   int
		interval time.Duration
	}{
		{"the default", emitFlags{series: 10, interval: time.Second}, 10, time.Second},
		{"an interval", emitFlags{series: 10, interval: time.Minute, intervalGiven: true}, 10, time.Minute},
		{"a rate", emitFlags{series: 10, rate: 100, interval: time.Second}, 10, 100 * time.Millisecond},
		{"a low rate", emitFlags{series: 10, rate: 0.5, interval: time.Second}, 10, 20 * time.Second},
		{"a part each time", emitFlags{series: 10, rate: 30, interval: 100 * time.Millisecond, intervalGiven: true}, 3, 100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			points, interval, err := tt.flags.pace()
			require.NoError(t, err)
			assert.Equal(t, tt.points, points)
			assert.Equal(t, tt.interval, interval)
		})
	}
}

// Where there are no user_events, the command says what is missing.
func TestCannotEmit(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, exitNoAccess, run([]string{"emit", "--data-file", "/nowhere/user_events_data"}, &out, &errs))
	assert.Contains(t, errs.String(), "/nowhere/user_events_data")
	assert.Contains(t, errs.String(), "6.4")
}

// keeper is an exporter that counts points.
type keeper struct{ points uint64 }

func (k *keeper) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	k.points += uint64(otlp.CountPoints(rm))
	return nil
}
func (k *keeper) Enabled() bool                   { return true }
func (k *keeper) Status() usereventsmetric.Status { return usereventsmetric.Status{Points: k.points} }

const twoRequests = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"},{"asInt":"2"}]}}]}]}]}
{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"3"}]}}]}]},{"scopeMetrics":[{"metrics":[{"name":"b","gauge":{"dataPoints":[{"asInt":"4"}]}}]}]}]}
`

func TestEmitFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	good := file("good", twoRequests)
	for _, tt := range []struct {
		name   string
		files  []string
		count  uint64
		points int
		err    string
	}{
		{"one", []string{good}, 0, 4, ""},
		{"two", []string{good, good}, 0, 8, ""},
		{"stdin", []string{"-", good}, 0, 8, ""},
		{"so many requests", []string{good, good}, 3, 6, ""},
		{"not there", []string{good, filepath.Join(dir, "nowhere")}, 0, 4, "no such file"},
		{"cut off", []string{file("cut", twoRequests[:len(twoRequests)-10])}, 0, 2, "request 2: cut off"},
		{"what the SDK cannot hold", []string{file("none", strings.ReplaceAll(twoRequests, `{"asInt":"3"}`, `{}`))}, 0, 2, "a point without a value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := &keeper{}
			e := &emit.Emitter{Exporter: k, Tell: func(string) {}}
			f := emitFlags{endFlags: endFlags{count: tt.count}}
			err := f.emitFiles(context.Background(), e, strings.NewReader(twoRequests), tt.files)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
				assert.ErrorContains(t, err, dir)
			}
			assert.Equal(t, uint64(tt.points), k.points)
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
		e := &emit.Emitter{Exporter: k, Tell: func(string) {}}
		done <- (&emitFlags{}).emitFiles(ctx, e, r, []string{"-"})
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
	e := &emit.Emitter{Exporter: k, Tell: func(string) {}}
	f := emitFlags{series: 7, interval: time.Millisecond, endFlags: endFlags{count: 3}}
	require.NoError(t, f.emitLoad(context.Background(), e))
	assert.Equal(t, uint64(21), k.points)

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f.count = 0
	require.NoError(t, f.emitLoad(ctx, e))
	assert.Equal(t, uint64(21), k.points)
}
