// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An application sends the same twice: through the kernel and this receiver, and by the official exporter to the
// Collector's OTLP receiver. From there both go over HTTP to a server.
func TestKernelCollectorReceivesWhatTheSDKCollected(t *testing.T) {
	server := newBackend(t)
	otlp := freePort(t)
	c := startCollector(t, t.TempDir(), fmt.Sprintf(`
receivers:
  user_events:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:%d
exporters:
  otlp_http/kernel:
    endpoint: %[2]s/kernel
  otlp_http/network:
    endpoint: %[2]s/network
service:
  pipelines:
    metrics/kernel:
      receivers: [user_events]
      exporters: [otlp_http/kernel]
    metrics/network:
      receivers: [otlp]
      exporters: [otlp_http/network]
`, otlp, server.URL))
	a := startApplication(t, applicationConfig{OTLP: fmt.Sprintf("http://127.0.0.1:%d", otlp)})
	a.awaitListener()
	const cycles = 100
	for range cycles {
		a.order("export")
	}
	require.Eventually(t, func() bool {
		return server.points("network") >= cycles*pointsPerCycle && server.points("kernel") >= cycles*pointsPerCycle
	}, waitLimit, waitTick)
	assert.Equal(t, float64(cycles*pointsPerCycle), c.count("received_points"))
	assert.Greater(t, c.count("received_events"), float64(3*cycles), "a cycle is several events")
	assert.Zero(t, c.count("lost_events")+c.count("undecodable_events")+c.count("lost_points")+c.count("gaps"))
	a.end()
	c.stop() // nothing more comes

	kernel, instances := flatten(t, server.metrics("kernel"))
	network, none := flatten(t, server.metrics("network"))
	assert.Equal(t, map[string]int{"": cycles * pointsPerCycle}, none)
	require.Len(t, instances, 1)
	for id := range instances {
		assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, id)
	}
	exemplars := 0
	for p, n := range kernel {
		require.Equal(t, network[p], n, p)
		exemplars += strings.Count(p, `"exemplars"`)
	}
	assert.Greater(t, exemplars, cycles)
	assert.Equal(t, cycles*pointsPerCycle, total(kernel))
	assert.Equal(t, cycles*pointsPerCycle, total(network))
}

func total(m map[string]int) (n int) {
	for v := range maps.Values(m) {
		n += v
	}
	return n
}

// Two processes with equal resources, and the distribution's own configuration.
func TestKernelPrometheusAddsUp(t *testing.T) {
	t.Setenv("HOSTNAME", "")
	require.NoError(t, os.Unsetenv("HOSTNAME")) // as sudo leaves it
	c := startShipped(t, t.TempDir(), shippedConfig(t))
	var processes []*application
	for range 2 {
		a := startApplication(t, applicationConfig{Counters: true})
		a.awaitListener()
		processes = append(processes, a)
	}
	const each = 80
	for range each {
		for _, a := range processes {
			a.order("export")
		}
	}
	require.Eventually(t, func() bool {
		return scrape(t, shippedPage, "shop_orders", "")[""] >= 2*each
	}, waitLimit, 10*waitTick)
	byInstance := scrape(t, shippedPage, "shop_orders", "instance")
	assert.Len(t, byInstance, 2)
	for id, n := range byInstance {
		assert.NotEmpty(t, id)
		assert.Equal(t, float64(each), n)
	}
	host, err := os.Hostname()
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{host: 2 * each}, scrape(t, shippedPage, "shop_orders", "host_name"))
	for _, a := range processes {
		a.end()
	}
	// An up-down counter of the Rust exporter has no temporality, without which Prometheus' exporter drops it.
	writeEvents(t, "otlp_metrics u32 protocol;char[8] version;__rel_loc u8[] buffer", fromRust(t))
	require.Eventually(t, func() bool {
		return maps.Equal(map[string]float64{"true": -2}, scrape(t, shippedPage, "open", "ok"))
	}, waitLimit, 10*waitTick)
	const unspecified = "otelcol_receiver_user_events_unspecified_temporality_points"
	assert.Equal(t, map[string]float64{"cumulative": 1}, c.counted(unspecified, "result"))
	c.stop()
}

// toBackend is a configuration that sends to a server, and whose exporter refuses what the server refuses.
func toBackend(server *backend, receiver string) string {
	return fmt.Sprintf(`
receivers:
  user_events:
%s
exporters:
  otlp_http:
    endpoint: %s/kernel
    sending_queue:
      enabled: false
    retry_on_failure:
      enabled: false
service:
  pipelines:
    metrics:
      receivers: [user_events]
      exporters: [otlp_http]
`, receiver, server.URL)
}

// Applications that started before, during and after the Collector, ten at once, while it is restarted. They use this
// project's reader, so what they count while nobody listens comes later.
func TestKernelCollectorIsRestarted(t *testing.T) {
	server := newBackend(t)
	state := t.TempDir()
	config := toBackend(server, `
    tracepoints: [userevents_restart]
    storage: file_storage
`)
	numbered := func(n int) *application {
		return startApplication(t, applicationConfig{
			Tracepoint: "userevents_restart", Counters: true, Backlog: true,
			Resource: map[string]string{"service.instance.id": fmt.Sprint(n)},
		})
	}
	var all []*application
	worked := map[string]int64{}
	work := func(order string, times int) {
		for range times {
			for i, a := range all {
				a.order("work")
				worked[fmt.Sprint(i)]++
				if order != "" {
					a.order(order)
				}
			}
		}
	}
	for i := range 4 { // before
		all = append(all, numbered(i))
	}
	work("", 3)
	first := startCollector(t, state, config)
	for i := 4; i < 7; i++ { // during
		all = append(all, numbered(i))
	}
	for _, a := range all {
		a.awaitListener()
	}
	work("flush", 5)
	stopping := time.Now()
	first.stop()
	stopped := time.Now()
	for _, a := range all {
		a.awaitNoListener()
	}
	work("flush", 5)
	for i := 7; i < 10; i++ { // after
		all = append(all, numbered(i))
	}
	work("", 2)
	starting := time.Since(stopped).Seconds()
	second := startCollector(t, state, config)
	down := time.Since(stopping).Seconds()
	for _, a := range all {
		a.awaitListener()
	}
	work("flush", 5)
	require.Eventually(t, func() bool {
		return maps.Equal(worked, sums(server.metrics("kernel"), "shop.orders", serviceInstanceID))
	}, waitLimit, 10*waitTick)
	assert.Zero(t, second.count("lost_events")+second.count("lost_points"))
	assert.Equal(t, map[string]float64{"receiver": 1}, second.counted("otelcol_receiver_user_events_gaps", "gap"))
	gap := second.counted("otelcol_receiver_user_events_gap_time", "gap")["receiver"]
	assert.GreaterOrEqual(t, gap, starting, "the time without a receiver")
	assert.LessOrEqual(t, gap, down)
	for _, a := range all {
		a.end()
	}
	second.stop()
	assert.Equal(t, worked, sums(server.metrics("kernel"), "shop.orders", serviceInstanceID))
}

// One process is wanted by its name, which another one does not have.
func TestKernelProcessNames(t *testing.T) {
	server := newBackend(t)
	c := startCollector(t, t.TempDir(), toBackend(server, `
    tracepoints: userevents_named
    process_names: wanted-*
`))
	for _, name := range []string{"another", "wanted-shop"} {
		a := startApplication(t, applicationConfig{
			Tracepoint: "userevents_named", Counters: true, Name: name, Resource: map[string]string{"name": name},
		})
		a.awaitListener()
		a.order("export")
		defer a.end()
	}
	require.Eventually(t, func() bool { return server.points("kernel") == 1 }, waitLimit, waitTick)
	assert.Equal(t, map[string]int64{"wanted-shop": 1}, sums(server.metrics("kernel"), "shop.orders", "name"))
	assert.Zero(t, c.count("unnamed_events")+c.count("unread_events"))
	c.stop()
}

// A backend that refuses for five seconds and recovers gets everything.
func TestKernelBackendRefusesForFiveSeconds(t *testing.T) {
	server := newBackend(t)
	c := startCollector(t, t.TempDir(), toBackend(server, `
    tracepoints: [userevents_refused]
    retry_on_failure:
      initial_interval: 100ms
      max_interval: 1s
`))
	var all []*application
	for range 3 {
		a := startApplication(t, applicationConfig{Tracepoint: "userevents_refused"})
		a.awaitListener()
		all = append(all, a)
	}
	server.refuse(true)
	cycles := 0
	for begin := time.Now(); time.Since(begin) < 5*time.Second; cycles++ {
		for _, a := range all {
			a.order("export")
		}
	}
	want := cycles * len(all) * pointsPerCycle
	require.Eventually(t, func() bool { return c.count("pending_bytes") > 0 }, waitLimit, waitTick)
	assert.Zero(t, server.points("kernel"))
	assert.Positive(t, server.refuse(false))
	require.Eventually(t, func() bool { return server.points("kernel") >= want }, waitLimit, waitTick)
	require.Eventually(t, func() bool { return c.count("pending_bytes") == 0 }, waitLimit, waitTick)
	assert.Zero(t, c.count("lost_events")+c.count("lost_points"))
	for _, a := range all {
		a.end()
	}
	c.stop()
	points, _ := flatten(t, server.metrics("kernel"))
	assert.Equal(t, want, total(points))
	assert.Equal(t, 1, slices.Max(slices.Collect(maps.Values(points))), "each once; the times differ")
}

// What does not fit into the configured memory is lost in the rings, and counted there by the kernel; what is held when
// the Collector ends is counted in data points.
func TestKernelBackendRefusesForTooLong(t *testing.T) {
	server := newBackend(t)
	c := startCollector(t, t.TempDir(), toBackend(server, `
    tracepoints: [userevents_too_long]
    ring_buffer_size: 64KiB
    max_pending: 64KiB
    retry_on_failure:
      initial_interval: 100ms
      max_interval: 200ms
      max_elapsed_time: 0
`))
	server.refuse(true)
	a := startApplication(t, applicationConfig{Tracepoint: "userevents_too_long"})
	a.awaitListener()
	written := 0
	require.Eventually(t, func() bool {
		a.order("export")
		written++
		return c.count("lost_events") > 0
	}, waitLimit, waitTick)
	assert.Zero(t, server.points("kernel"))
	assert.Positive(t, c.count("pending_bytes"))
	assert.LessOrEqual(t, c.count("pending_bytes"), float64(64<<10))

	server.refuse(false)
	require.Eventually(t, func() bool { return c.count("pending_bytes") == 0 }, waitLimit, waitTick)
	arrived := server.points("kernel")
	assert.Equal(t, float64(arrived), c.count("received_points"))
	assert.Less(t, arrived, written*pointsPerCycle)
	assert.Zero(t, c.count("lost_points"))

	// And again, to the end.
	server.refuse(true)
	a.order("export")
	require.Eventually(t, func() bool { return c.count("pending_bytes") > 0 }, waitLimit, waitTick)
	a.end()
	c.stop()
	assert.Regexp(t, `(events|data points) lost because.*"data_points"`, c.logged())
}
