// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// JSONLines returns a function that writes events as JSON, one a line: metrics as
// OTLP/JSON, a request as the Collector's file exporter writes it and its
// otlpjsonfile receiver reads it, others as listen.Event.AppendJSON has them.
func JSONLines(w io.Writer) func(*source.Event) error {
	return func(ev *source.Event) error {
		var text []byte
		var err error
		if ev.HasMetrics() {
			text, err = (&pmetric.JSONMarshaler{}).MarshalMetrics(ev.Metrics)
		} else {
			text, err = ev.AppendJSON(nil)
		}
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, JSON(string(text))+"\n") // a whole line at once
		return err
	}
}
