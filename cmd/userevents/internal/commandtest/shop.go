// SPDX-License-Identifier: Apache-2.0

package commandtest

import (
	"testing"
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// Noon is when the shop wrote.
var Noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// ShopEvents are what three processes of two services wrote.
func ShopEvents(t testing.TB) (events []listen.Event) {
	t.Helper()
	f := func(x float64) *float64 { return &x }
	for i, m := range []*metricspb.ResourceMetrics{
		Message(Attrs("service.name", "shop", "service.instance.id", "a"),
			Sum("http.server.requests", "{request}", Delta, true,
				IntPoint(17, "http.route", "/cart", "http.status", "200"),
				IntPoint(1, "http.route", "/cart", "http.status", "500")),
			Gauge("queue.length", "1", IntPoint(3))),
		Message(Attrs("service.name", "shop", "service.instance.id", "b"),
			Histogram("http.server.request.duration", "s", &metricspb.HistogramDataPoint{
				Count: 12, Sum: f(0.0408), Min: f(0.001), Max: f(0.0095), Attributes: Attrs("http.route", "/cart"),
			})),
		Message(Attrs("service.name", "warehouse \x1b[31m"),
			Sum("stock", "", Cumulative, false,
				FloatPoint(-12.3456789, "place", "hall 3, the one behind the station with the long name"))),
	} {
		events = append(events, listen.Event{
			Tracepoint: "otlp_metrics", Time: Noon.Add(time.Duration(i) * time.Second), PID: 100 + i,
			Process: []string{"shop", "shop", "ware house"}[i], Payload: Encode(t, m),
		})
	}
	return events
}
