// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the shipped configuration promises where its backend does not do well: what is written is what arrives, once in
// each pipeline, and what a counter says.

const (
	shippedPage = "http://127.0.0.1:8889/metrics"

	shippedSeries = 100
	shippedCycles = 28
	shippedPoints = shippedSeries * shippedCycles
)

// The DaemonSet's configuration is one of this distribution, with the same settings for what is promised.
func TestKernelShippedDaemonSet(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "distribution", "daemonset.yaml"))
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "  config.yaml: |\n")
	require.True(t, found)
	config, _, found := strings.Cut(rest, "\n---\n")
	require.True(t, found)
	path := filepath.Join(t.TempDir(), "config.yaml")
	config = regexp.MustCompile(`(?m)^    `).ReplaceAllString(config, "")
	require.NoError(t, os.WriteFile(path, []byte(config), 0o644))
	t.Setenv("NODE_NAME", "node")
	output, err := exec.Command(collectorBinary(t), "validate", "--config", path).CombinedOutput()
	require.NoError(t, err, "%s", output)

	normal := func(s string) string { // without comments and indentation
		return regexp.MustCompile(`(?m)^ +| *#.*$`).ReplaceAllString(s, "")
	}
	exporter := shippedExporter(t)
	_, promise, found := strings.Cut(exporter, "timeout: ")
	require.True(t, found)
	assert.Contains(t, normal(config), normal("timeout: "+promise))
	_, rest, found = strings.Cut(shippedConfig(t), "    component_health:\n")
	require.True(t, found)
	health, _, found := strings.Cut(rest, "    http:\n")
	require.True(t, found)
	assert.Contains(t, normal(config), normal(health))
}

func TestKernelValidateFindsMissingStorage(t *testing.T) {
	const started = "extensions: [healthcheckv2, file_storage]"
	config := shippedConfig(t)
	require.Contains(t, config, started)
	path := filepath.Join(t.TempDir(), "config.yaml")
	config = strings.Replace(config, started, "extensions: [healthcheckv2]", 1)
	require.NoError(t, os.WriteFile(path, []byte(config), 0o644))
	output, err := exec.Command(collectorBinary(t), "validate", "--config", path).CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(output), "receivers::user_events::storage: file_storage: must be in service::extensions")
}

const exporterBegin = "  # otlp_http:\n"

// shippedExporter are the settings of the exporter that config.yaml has as a comment.
func shippedExporter(t *testing.T) string {
	t.Helper()
	_, rest, found := strings.Cut(shippedConfig(t), exporterBegin)
	require.True(t, found)
	exporter, _, found := strings.Cut(rest, "\n\n")
	require.True(t, found)
	return regexp.MustCompile(`(?m)^  # ( *\S.*)$`).ReplaceAllString(exporter, "  $1")
}

// shippedWithBackend is the distribution's configuration with its exporter for a backend in use, which has further
// settings of its queue.
func shippedWithBackend(t *testing.T, endpoint, queue string) string {
	t.Helper()
	exporter := shippedExporter(t)
	before, rest, found := strings.Cut(shippedConfig(t), exporterBegin)
	require.True(t, found)
	_, rest, found = strings.Cut(rest, "\n\n")
	require.True(t, found)
	for from, to := range map[string]string{
		"https://backend.example.com:4318": endpoint,
		"    sending_queue:\n":             "    sending_queue:\n" + queue,
	} {
		require.Contains(t, exporter, from)
		exporter = strings.Replace(exporter, from, to, 1)
	}
	const unused = "[debug, forward]  # and otlp_http"
	require.Contains(t, rest, unused)
	rest = strings.Replace(rest, unused, "[debug, forward, otlp_http]", 1)
	return before + "  otlp_http:\n" + exporter + "\n\n" + rest
}

// smallQueue is soon full.
const smallQueue = "      queue_size: 2\n"

// writeShipped writes all points. The first cycles come one by one, so that they are more requests than a small queue
// holds.
func (c *collector) writeShipped() {
	c.t.Helper()
	a := startApplication(c.t, applicationConfig{Counters: true, Series: shippedSeries})
	a.awaitListener()
	for i := range shippedCycles {
		a.order("export")
		if i < 4 || i == shippedCycles-1 {
			require.Eventually(c.t, func() bool {
				return c.count("received_points") == float64((i+1)*shippedSeries)
			}, waitLimit, waitTick)
		}
	}
	a.end()
}

// assertPrometheusHasAll waits for all points on Prometheus' page. There, deltas are added up, and a point that comes
// again is refused, by which it shows.
func (c *collector) assertPrometheusHasAll() {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		return scrape(c.t, shippedPage, "shop_orders", "")[""] >= shippedPoints
	}, waitLimit, 10*waitTick)
	assert.Equal(c.t, map[string]float64{"": shippedPoints}, scrape(c.t, shippedPage, "shop_orders", ""))
	assert.Equal(c.t, map[string]float64{"": shippedPoints}, c.counted("otelcol_deltatocumulative_datapoints", "error"))
}

func (c *collector) assertNothingLost() {
	c.t.Helper()
	assert.Equal(c.t, float64(shippedPoints), c.count("received_points"))
	assert.Empty(c.t, c.counted("otelcol_receiver_user_events_lost_points", "cause"))
	assert.Zero(c.t, c.count("lost_events"))
}

// A backend that answers nothing for 20 seconds, behind a queue that is soon full.
func TestKernelShippedBackendIsSlow(t *testing.T) {
	server := newBackend(t)
	server.block(20 * time.Second) // less than the exporter's timeout
	c := startShipped(t, t.TempDir(), shippedWithBackend(t, server.URL+"/shipped", smallQueue))
	c.writeShipped()
	assert.Zero(t, server.points("shipped"))
	assert.Positive(t, c.count("pending_bytes"), "the queue is full")
	require.Eventually(t, func() bool { return server.points("shipped") >= shippedPoints }, waitLimit, waitTick)
	c.assertPrometheusHasAll()
	c.assertNothingLost()
	c.stop()
	assert.Equal(t, shippedPoints, server.points("shipped"))
	points, _ := flatten(t, server.metrics("shipped"))
	assert.Equal(t, 1, slices.Max(slices.Collect(maps.Values(points))), "each once; the times differ")
}

// A backend that refuses all for a while: the other pipeline gets nothing twice.
func TestKernelShippedBackendRefuses(t *testing.T) {
	server := newBackend(t)
	server.refuse(true)
	c := startShipped(t, t.TempDir(), shippedWithBackend(t, server.URL+"/shipped", smallQueue))
	c.writeShipped()
	require.Eventually(t, func() bool { return server.refuse(true) > 2 }, waitLimit, waitTick)
	server.refuse(false)
	require.Eventually(t, func() bool { return server.points("shipped") >= shippedPoints }, waitLimit, waitTick)
	c.assertPrometheusHasAll()
	c.assertNothingLost()
	c.stop()
	assert.Equal(t, shippedPoints, server.points("shipped"))
}

// A backend that is not there when the Collector ends, and is for the next one.
func TestKernelShippedBackendIsGone(t *testing.T) {
	for name, queue := range map[string]string{"queue full": smallQueue, "queue not full": ""} {
		t.Run(name, func(t *testing.T) {
			silent, err := net.Listen("tcp", "127.0.0.1:0") // that answers nothing takes longer than none
			require.NoError(t, err)
			defer silent.Close()
			state := t.TempDir()
			first := startShipped(t, state, shippedWithBackend(t, "http://"+silent.Addr().String(), queue))
			first.writeShipped()
			last := first.stopAsTheUnit()
			lost := 0.0
			for _, n := range sumsOf(t, last, "otelcol_receiver_user_events_lost_points", "cause") {
				lost += n
			}
			assert.Equal(t, queue != "", lost > 0, "what does not fit into the queue is counted")

			server := newBackend(t)
			second := startShipped(t, state, shippedWithBackend(t, server.URL+"/shipped", queue))
			require.Eventually(t, func() bool {
				return server.points("shipped") >= shippedPoints-int(lost)
			}, waitLimit, waitTick)
			second.stop()
			assert.Equal(t, shippedPoints, server.points("shipped")+int(lost))
		})
	}
}

// stopAsTheUnit ends it as systemd does by the unit, whose limit must not be reached, and returns the last that it said
// of its own metrics.
func (c *collector) stopAsTheUnit() string {
	c.t.Helper()
	unit, err := os.ReadFile(filepath.Join("..", "..", "distribution", "userevents-collector.service"))
	require.NoError(c.t, err)
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindSubmatch(unit)
	require.NotNil(c.t, m)
	seconds, err := strconv.Atoi(string(m[1]))
	require.NoError(c.t, err)

	c.ended = true
	last := make(chan string)
	go func() {
		said := ""
		for text, err := get(c.own); err == nil; text, err = get(c.own) {
			said = text
			time.Sleep(waitTick)
		}
		last <- said
	}()
	begin := time.Now()
	require.NoError(c.t, c.command.Process.Signal(syscall.SIGTERM))
	kill := time.AfterFunc(time.Duration(seconds)*time.Second, func() { _ = c.command.Process.Kill() })
	defer kill.Stop()
	assert.NoError(c.t, c.command.Wait(), "TimeoutStopSec=%d", seconds)
	c.t.Logf("ended after %.1f s", time.Since(begin).Seconds())
	return <-last
}
