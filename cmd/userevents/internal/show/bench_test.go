// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"io"
	"testing"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// BenchmarkViews shows events of about 4 KB, as the exporter packs them, from
// their bytes on.
func BenchmarkViews(b *testing.B) {
	var points []*metricspb.NumberDataPoint
	for i := range 45 {
		points = append(points, messagetest.IntPoint(int64(i), "http.route", fmt.Sprintf("/route/%d", i), "http.request.method", "GET", "status", "200"))
	}
	payload := messagetest.Encode(b, messagetest.Message(messagetest.Attrs("service.name", "shop", "service.instance.id", "a"),
		messagetest.Sum("http.server.requests", "{request}", messagetest.Delta, true, points...)))
	for _, bb := range []struct {
		name string
		view View
	}{
		{"lines", NewLines(io.Discard)},
		{"json", NewJSON(io.Discard)},
		{"text", NewText(io.Discard)},
		{"table", NewTable(io.Discard, 100)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				data, err := otlpview.Decode(payload)
				if err != nil {
					b.Fatal(err)
				}
				if err := bb.view.Event(&Event{Event: &listen.Event{PID: 7, Payload: payload}, Data: data}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(points)*b.N)/b.Elapsed().Seconds(), "points/s")
		})
	}
}
