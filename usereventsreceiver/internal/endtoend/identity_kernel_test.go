// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// named is one data point of a service whose name has four bytes.
func named(t *testing.T, service string) []byte {
	t.Helper()
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("shop.orders")
	sum := metric.SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	sum.DataPoints().AppendEmpty().SetIntValue(1)
	payload, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	require.NoError(t, err)
	return payload
}

// octal is for printf(1).
func octal(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, `\%03o`, c)
	}
	return s.String()
}

// writeOnce runs as many processes, one after the other, each of which writes one event and ends: printf(1) under the
// name that it also gives to its service.
func writeOnce(t *testing.T, name string, count int) {
	t.Helper()
	file, _, err := tracefs.Open("")
	require.NoError(t, err)
	defer file.Close()
	registered, err := tracefs.Register(file, tracefs.NameArgs(name, tracefs.FieldsOTLP), 0)
	require.NoError(t, err)
	defer func() { assert.NoError(t, registered.Unregister(file)) }()

	payload := named(t, "wwww")
	event := binary.NativeEndian.AppendUint32(nil, registered.Index)
	event = append(binary.NativeEndian.AppendUint32(event, 0), "v0.19.00"...)
	event = append(binary.NativeEndian.AppendUint32(event, uint32(len(payload))<<16), payload...)
	before, after, found := bytes.Cut(event, []byte("wwww"))
	require.True(t, found)
	printf, err := exec.LookPath("printf")
	require.NoError(t, err)
	dir := t.TempDir()
	for i := range count {
		require.NoError(t, os.Symlink(printf, filepath.Join(dir, fmt.Sprintf("w%03d", i))))
	}
	script := fmt.Sprintf(`for w in %s/*; do "$w" '%s'"${w##*/}"'%s' >&3; done`, dir, octal(before), octal(after))
	command := exec.Command("bash", "-euc", script)
	command.ExtraFiles = []*os.File{file}
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// Processes that write one event and end have an id each, and their own name. One that lives has the same id after the
// Collector was restarted.
func TestKernelIdentity(t *testing.T) {
	const count = 50
	server := newBackend(t)
	config := toBackend(server, `
    tracepoints: [userevents_identity]
    resource_from_process: add
`)
	c := startCollector(t, t.TempDir(), config)
	lives := startApplication(t, applicationConfig{Tracepoint: "userevents_identity", Counters: true})
	lives.awaitListener()
	lives.order("export")
	writeOnce(t, "userevents_identity", count)
	require.Eventually(t, func() bool { return server.points("kernel") == count+1 }, waitLimit, waitTick)
	assert.Zero(t, c.count("instance_ids_not_added"))
	c.stop()
	c = startCollector(t, t.TempDir(), config)
	lives.awaitListener()
	lives.order("export")
	require.Eventually(t, func() bool { return server.points("kernel") == count+2 }, waitLimit, waitTick)
	c.stop()
	lives.end()

	ids, wrong := map[string][]string{}, 0
	for _, rm := range server.metrics("kernel").ResourceMetrics().All() {
		attributes := rm.Resource().Attributes().AsRaw()
		service, id := fmt.Sprint(attributes["service.name"]), fmt.Sprint(attributes[serviceInstanceID])
		ids[id] = append(ids[id], service)
		if executable := attributes["process.executable.name"]; service != "shop" && executable != service {
			// Where it was read while that process lived, it is what the link stands for.
			if executable != "printf" {
				wrong++
			}
		}
	}
	t.Logf("%d processes, %d ids, wrong names %d", count+1, len(ids), wrong)
	assert.Len(t, ids, count+1)
	assert.Zero(t, wrong)
	for id, services := range ids {
		if services[0] == "shop" {
			assert.Equal(t, []string{"shop", "shop"}, services, "in both runs")
		} else {
			assert.Len(t, services, 1, id)
		}
	}
}

// A process that forges the pid in its resource is found, and one that writes too much does not push out the others.
func TestKernelForgedAndNoisyProcesses(t *testing.T) {
	server := newBackend(t)
	c := startCollector(t, t.TempDir(), toBackend(server, `
    tracepoints: [userevents_claims]
    resource_from_process: verify
    limit_per_process:
      points_per_second: 1
      burst: 1h
`))
	start := func(resource map[string]string, series int) *application {
		a := startApplication(t, applicationConfig{
			Tracepoint: "userevents_claims", Counters: true, Series: series, Resource: resource,
		})
		a.awaitListener()
		return a
	}
	noisy := start(map[string]string{"name": "noisy", "process.pid": "1"}, 1000)
	quiet := start(map[string]string{"name": "quiet"}, 10)
	for range 10 {
		noisy.order("export")
		quiet.order("export")
	}
	require.Eventually(t, func() bool { return c.count("received_points") == 10*1010 }, waitLimit, waitTick)
	lost := func() float64 { return c.counted("otelcol_receiver_user_events_lost_points", "cause")["limit"] }
	require.Eventually(t, func() bool {
		return float64(server.points("kernel"))+lost() == 10*1010
	}, waitLimit, waitTick)
	got := sums(server.metrics("kernel"), "shop.orders", "name")
	assert.Equal(t, int64(10*10), got["quiet"])
	assert.Less(t, got["noisy"], int64(10*1000))
	assert.Positive(t, got["noisy"])
	claims := c.counted("otelcol_receiver_user_events_process_claims", "claim")
	assert.Positive(t, claims["foreign"])
	assert.Len(t, claims, 1, "who claims nothing is not counted")
	assert.Contains(t, c.logged(), "resource claims a process.pid that is not its writer's")
	noisy.end()
	quiet.end()
	c.stop()
}

// A Collector is killed. The next one says since when events may have been lost, which is not before the last one that
// was delivered long ago.
func TestKernelCollectorIsKilled(t *testing.T) {
	server := newBackend(t)
	state := t.TempDir()
	config := toBackend(server, `
    tracepoints: [userevents_killed]
    storage: file_storage
`)
	c := startCollector(t, state, config)
	a := startApplication(t, applicationConfig{Tracepoint: "userevents_killed", Counters: true})
	a.awaitListener()
	const cycles = 20
	for i := range cycles {
		a.order("export")
		require.Eventually(t, func() bool { return server.points("kernel") == i+1 }, waitLimit, waitTick)
	}
	require.NoError(t, c.command.Process.Kill())
	_ = c.command.Wait()
	c.ended = true
	a.awaitNoListener()
	second := startCollector(t, state, config)
	assert.Equal(t, map[string]float64{"receiver": 1}, second.counted("otelcol_receiver_user_events_gaps", "gap"))
	assert.Contains(t, second.logged(), "events may have been lost, as the receiver before was killed after this time")
	a.awaitListener()
	a.order("export")
	require.Eventually(t, func() bool { return server.points("kernel") == cycles+1 }, waitLimit, waitTick)
	a.end()
	second.stop()
	third := startCollector(t, state, config)
	assert.Contains(t, third.logged(), "events may have been lost while no listener was attached", "an end in order")
	third.stop()
}
