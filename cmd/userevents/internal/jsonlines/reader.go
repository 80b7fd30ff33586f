// SPDX-License-Identifier: Apache-2.0

// Package jsonlines reads OTLP/JSON, one request after the other.
package jsonlines

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Reader reads requests, each a JSON object, be it on one line or on many.
type Reader struct {
	decoder *json.Decoder
	number  int
}

// NewReader returns a reader of what r has.
func NewReader(r io.Reader) *Reader { return &Reader{decoder: json.NewDecoder(r)} }

// Next returns the next request, or io.EOF. Other errors say which request they
// are about, the first one being 1.
func (r *Reader) Next() (pmetric.Metrics, error) {
	none := pmetric.Metrics{}
	var raw json.RawMessage
	if err := r.decoder.Decode(&raw); err != nil {
		if errors.Is(err, io.EOF) {
			return none, io.EOF
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return none, fmt.Errorf("request %d: cut off", r.number+1)
		}
		return none, fmt.Errorf("request %d: %w", r.number+1, err)
	}
	r.number++
	// pdata takes any object for metrics, with nothing in them.
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil || keys["resourceMetrics"] == nil && keys["resource_metrics"] == nil {
		return none, fmt.Errorf("request %d: no resourceMetrics in it: this is not OTLP/JSON of metrics", r.number)
	}
	metrics, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics(raw)
	if err != nil {
		return none, fmt.Errorf("request %d: %w", r.number, err)
	}
	return metrics, nil
}
