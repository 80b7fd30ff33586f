// SPDX-License-Identifier: Apache-2.0

package ftraceraw_test

import (
	"fmt"
	"log"
	"os"

	"github.com/otel-userevents/usereventsmetric/listen/ftraceraw"
)

// Pages that were copied from per_cpu/cpu1/trace_pipe_raw on another machine, with the event's format file. The payloads of this
// recording are text, those of an exporter are an OTLP ExportMetricsServiceRequest each.
func ExampleNewReader() {
	pages, err := os.Open("testdata/pages")
	if err != nil {
		log.Fatal(err)
	}
	defer pages.Close()
	format, err := os.ReadFile("testdata/format")
	if err != nil {
		log.Fatal(err)
	}

	r, err := ftraceraw.NewReader(pages, ftraceraw.Options{Formats: []string{string(format)}, PageSize: 4096, CPU: 1})
	if err != nil {
		log.Fatal(err)
	}
	for ev, err := range r.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s on CPU %d: %s\n", ev.Tracepoint, ev.CPU, ev.Payload)
	}
	fmt.Println(r.Stats().Received, "events,", r.Stats().Lost, "lost")
	// Output:
	// otlp_metrics on CPU 1: payload 0
	// otlp_metrics on CPU 1: payload 1
	// otlp_metrics on CPU 1: payload 2
	// otlp_metrics on CPU 1: payload 3
	// otlp_metrics on CPU 1: payload 4
	// 5 events, 0 lost
}
