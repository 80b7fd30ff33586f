// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// at is a piece of an event that begins at an offset.
type at struct {
	offset int
	bytes  []byte
}

// assemble joins pieces, and checks their offsets.
func assemble(t *testing.T, pieces []at) []byte {
	t.Helper()
	var b []byte
	for _, p := range pieces {
		require.Equal(t, p.offset, len(b), "%x", p.bytes)
		b = append(b, p.bytes...)
	}
	return b
}

func u32(v uint32) []byte               { return binary.NativeEndian.AppendUint32(nil, v) }
func fixed64(tag byte, v uint64) []byte { return binary.LittleEndian.AppendUint64([]byte{tag}, v) }
func text(tag byte, s string) []byte    { return append([]byte{tag, byte(len(s))}, s...) }
func short(tag, length byte) []byte     { return []byte{tag, length} }

// reserved is a tag and a length for which three bytes were reserved, however short it is.
func reserved(tag byte, length int) []byte {
	return []byte{tag, byte(length) | 0x80, byte(length>>7) | 0x80, 0}
}

// fromDotNet is an event of the .NET exporter (OpenTelemetry.Exporter.Geneva, OtlpProtobufSerializer): one data point,
// its value before its times, and lengths written after what they are of, into room that was reserved.
func fromDotNet(t *testing.T) []byte {
	return assemble(t, []at{
		{0, u32(0)},                      // protocol
		{4, []byte("v0.19.00")},          // version
		{12, u32(136 << 16)},             // buffer: 136 bytes, right behind this word
		{16, reserved(0x0A, 132)},        // resource_metrics
		{20, reserved(0x0A, 32)},         //   resource
		{24, reserved(0x0A, 28)},         //     attributes
		{28, text(0x0A, "service.name")}, //       key
		{42, reserved(0x12, 10)},         //       value
		{46, text(0x0A, "net-shop")},     //         string_value
		{56, reserved(0x12, 92)},         //   scope_metrics
		{60, reserved(0x0A, 6)},          //     scope
		{64, text(0x0A, "shop")},         //       name
		{70, reserved(0x12, 78)},         //     metrics
		{74, text(0x0A, "orders")},       //       name
		{82, text(0x1A, "{order}")},      //       unit
		{91, reserved(0x3A, 57)},         //       sum
		{95, short(0x18, 1)},             //         is_monotonic
		{97, short(0x10, 1)},             //         aggregation_temporality: delta
		{99, reserved(0x0A, 49)},         //         data_points
		{103, fixed64(0x31, 7)},          //           as_int
		{112, fixed64(0x11, 1_000)},      //           start_time_unix_nano
		{121, fixed64(0x19, 2_000)},      //           time_unix_nano
		{130, reserved(0x3A, 18)},        //           attributes
		{134, text(0x0A, "route")},       //             key
		{141, reserved(0x12, 7)},         //             value
		{145, text(0x0A, "/cart")},       //               string_value
		{152, nil},
	})
}

// fromCPP is an event of the C++ exporter (opentelemetry-cpp-contrib, user_events): a tracepoint without fields, the
// length of the message, and the message.
func fromCPP(t *testing.T) []byte {
	return assemble(t, []at{
		{0, u32(104)},                           // length
		{4, short(0x0A, 102)},                   // resource_metrics
		{6, short(0x0A, 28)},                    //   resource
		{8, short(0x0A, 26)},                    //     attributes
		{10, text(0x0A, "service.name")},        //       key
		{24, short(0x12, 10)},                   //       value
		{26, text(0x0A, "cpp-shop")},            //         string_value
		{36, short(0x12, 70)},                   //   scope_metrics
		{38, short(0x0A, 6)},                    //     scope
		{40, text(0x0A, "shop")},                //       name
		{46, short(0x12, 60)},                   //     metrics
		{48, text(0x0A, "level")},               //       name
		{55, text(0x1A, "kg")},                  //       unit
		{59, short(0x2A, 47)},                   //       gauge
		{61, short(0x0A, 45)},                   //         data_points
		{63, fixed64(0x11, 1_000)},              //           start_time_unix_nano
		{72, fixed64(0x19, 2_000)},              //           time_unix_nano
		{81, fixed64(0x21, 0x3FE8000000000000)}, //    as_double: 0.75
		{90, short(0x3A, 16)},                   //           attributes
		{92, text(0x0A, "route")},               //             key
		{99, short(0x12, 7)},                    //             value
		{101, text(0x0A, "/cart")},              //               string_value
		{108, nil},
	})
}

// fromRust are events as the crate of ../../testdata/README.md wrote them.
func fromRust(t *testing.T) (events [][]byte) {
	t.Helper()
	lines, err := os.ReadFile(filepath.Join("..", "..", "testdata", "rust-0.14.0.jsonl"))
	require.NoError(t, err)
	for line := range bytes.Lines(lines) {
		var e struct {
			Protocol uint32
			Version  string
			Payload  []byte
		}
		require.NoError(t, json.Unmarshal(line, &e))
		require.Len(t, e.Version, 8)
		b := append(u32(e.Protocol), e.Version...)
		b = append(b, u32(uint32(len(e.Payload))<<16)...)
		events = append(events, append(b, e.Payload...))
	}
	return events
}

// writeEvents registers a tracepoint, and writes events once somebody listens.
func writeEvents(t *testing.T, declaration string, events [][]byte) {
	t.Helper()
	provider, err := tracepoint.Open(tracepoint.Source{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Close()) })
	registered, err := provider.Register(declaration)
	require.NoError(t, err, declaration)
	require.Eventually(t, registered.Enabled, waitLimit, waitTick)
	for _, e := range events {
		require.NoError(t, registered.Write(append(make([]byte, tracepoint.IndexSize), e...)))
	}
}

// What exporters in other languages write, in one pipeline.
func TestKernelPeers(t *testing.T) {
	server := newBackend(t)
	c := startCollector(t, t.TempDir(), toBackend(server, `
    tracepoints:
      - userevents_dotnet
      - userevents_rust
      - name: userevents_cpp
        layout: fieldless
    resource_from_process: true
`))
	for _, peer := range []struct {
		declaration string
		events      [][]byte
	}{
		{"userevents_dotnet u32 protocol;char[8] version;__rel_loc u8[] buffer", [][]byte{fromDotNet(t)}},
		{"userevents_rust u32 protocol;char[8] version;__rel_loc u8[] buffer;", fromRust(t)},
		{"userevents_cpp", [][]byte{fromCPP(t)}},
	} {
		writeEvents(t, peer.declaration, peer.events)
	}
	const want = 1 + 6 + 1
	require.Eventually(t, func() bool { return server.points("kernel") >= want }, waitLimit, waitTick)
	assert.Equal(t, float64(want), c.count("received_events"))
	assert.Zero(t, c.count("undecodable_events"))
	c.stop()

	got := map[string]string{} // by service and metric
	eachPoint(server.metrics("kernel"), func(one pmetric.Metrics) {
		rm := one.ResourceMetrics().At(0)
		service, _ := rm.Resource().Attributes().Get("service.name")
		pid, ok := rm.Resource().Attributes().Get("process.pid")
		assert.True(t, ok)
		assert.Equal(t, int64(os.Getpid()), pid.Int())
		id, ok := rm.Resource().Attributes().Get(serviceInstanceID)
		assert.True(t, ok)
		assert.NotEmpty(t, id.Str())
		assert.Equal(t, "shop", rm.ScopeMetrics().At(0).Scope().Name())
		m := rm.ScopeMetrics().At(0).Metrics().At(0)
		key := service.Str() + " " + m.Name()
		got[key] += shown(m)
	})
	assert.Equal(t, map[string]string{
		"net-shop orders": `delta monotonic 7 {order} map[route:/cart] 1000-2000;`,
		"cpp-shop level":  `0.75 kg map[route:/cart] 1000-2000;`,
		"rust-shop orders": `delta monotonic 3 {order} map[ok:true route:/cart];` +
			`delta monotonic 4 {order} map[route:/pay];`,
		"rust-shop revenue": `delta monotonic 12.5  map[ok:true route:/cart];`,
		// Sent as unspecified: that exporter writes its own number for cumulative, which OTLP has for unspecified.
		"rust-shop open":    `cumulative -2  map[ok:true route:/cart];`,
		"rust-shop level":   `0.25  map[ok:true route:/cart];`,
		"rust-shop latency": `delta 2/251.5 ms map[ok:true route:/cart];`,
	}, got)
}

// shown is a metric of one data point in short. Times are left out where a clock made them.
func shown(m pmetric.Metric) string {
	var s string
	number := func(p pmetric.NumberDataPoint) {
		if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
			s += fmt.Sprint(p.IntValue())
		} else {
			s += fmt.Sprint(p.DoubleValue())
		}
		s += fmt.Sprint(" ", m.Unit(), " ", p.Attributes().AsRaw())
		if p.Timestamp() < 1e18 {
			s += fmt.Sprintf(" %d-%d", p.StartTimestamp(), p.Timestamp())
		}
	}
	temporality := func(a pmetric.AggregationTemporality) {
		s += map[pmetric.AggregationTemporality]string{
			pmetric.AggregationTemporalityDelta: "delta ", pmetric.AggregationTemporalityCumulative: "cumulative ",
			pmetric.AggregationTemporalityUnspecified: "unspecified ",
		}[a]
	}
	switch m.Type() {
	case pmetric.MetricTypeSum:
		temporality(m.Sum().AggregationTemporality())
		if m.Sum().IsMonotonic() {
			s += "monotonic "
		}
		number(m.Sum().DataPoints().At(0))
	case pmetric.MetricTypeGauge:
		number(m.Gauge().DataPoints().At(0))
	case pmetric.MetricTypeHistogram:
		temporality(m.Histogram().AggregationTemporality())
		p := m.Histogram().DataPoints().At(0)
		s += fmt.Sprint(p.Count(), "/", p.Sum(), " ", m.Unit(), " ", p.Attributes().AsRaw())
	}
	return s + ";"
}
