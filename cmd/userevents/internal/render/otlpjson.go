// SPDX-License-Identifier: Apache-2.0

package render

import (
	"io"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// OTLPJSON returns a function that writes events as OTLP/JSON, a request a line,
// as the Collector's file exporter does and its otlpjsonfile receiver reads.
func OTLPJSON(w io.Writer) func(*source.Event) error {
	return func(ev *source.Event) error {
		text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(ev.Metrics)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, JSON(string(text))+"\n") // a whole line at once
		return err
	}
}
