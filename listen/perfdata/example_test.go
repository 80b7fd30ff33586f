// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"compress/gzip"
	"fmt"
	"log"
	"os"

	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// What perf record -o - wrote to a pipe is read as it comes. The payloads of this recording
// are text, those of an exporter are an OTLP ExportMetricsServiceRequest each.
func ExampleNewReader() {
	f, err := os.Open("testdata/stream.gz")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	stream, err := gzip.NewReader(f)
	if err != nil {
		log.Fatal(err)
	}

	r, err := perfdata.NewReader(stream, perfdata.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for ev, err := range r.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s from %s: %s\n", ev.Tracepoint, ev.Process, ev.Payload)
	}
	fmt.Println(r.Stats().Received, "events,", r.Stats().Lost, "lost")
	// Output:
	// otlp_metrics from perfdata.test: payload 0
	// otlp_metrics from perfdata.test: payload 1
	// otlp_metrics from perfdata.test: payload 2
	// otlp_metrics from perfdata.test: payload 3
	// otlp_metrics from perfdata.test: payload 4
	// 5 events, 0 lost
}
