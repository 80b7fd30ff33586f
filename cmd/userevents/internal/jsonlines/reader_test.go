// SPDX-License-Identifier: Apache-2.0

package jsonlines

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReader(t *testing.T) {
	const one = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`
	for _, tt := range []struct {
		name, in string
		requests int
		want     string // of the error
	}{
		{"nothing", "", 0, ""},
		{"blank lines", "\n\n \n", 0, ""},
		{"one", one, 1, ""},
		{"lines", one + "\n" + one + "\n\n" + one + "\n", 3, ""},
		{"on many lines", strings.ReplaceAll(one, ",", ",\n\t") + one, 2, ""},
		{"empty requests", `{"resourceMetrics":[]}{"resource_metrics":[]}`, 2, ""},
		{"logs", one + `{"resourceLogs":[]}`, 1, "request 2: no resourceMetrics in it"},
		{"not an object", `[1]`, 0, "request 1: no resourceMetrics in it"},
		{"cut off", one + "\n" + one[:50], 1, "request 2: cut off"},
		{"not JSON", one + "\nxyz", 1, "request 2: invalid character 'x'"},
		{"not OTLP", `{"resourceMetrics":7}`, 0, "request 1: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tt.in))
			n := 0
			var err error
			for ; ; n++ {
				if _, err = r.Next(); err != nil {
					break
				}
			}
			assert.Equal(t, tt.requests, n)
			if tt.want == "" {
				assert.Equal(t, io.EOF, err)
			} else {
				require.ErrorContains(t, err, tt.want)
			}
		})
	}
}

// Whatever a file has in it, reading ends and nothing crashes.
func FuzzReader(f *testing.F) {
	f.Add(`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`)
	f.Add(`{"resourceMetrics":[{"resource":{"attributes":[{"key":"k","value":{"arrayValue":{"values":[{"kvlistValue":{}}]}}}]}}]}`)
	f.Add(`{"resourceMetrics":[{}]} {}`)
	f.Fuzz(func(t *testing.T, in string) {
		r := NewReader(strings.NewReader(in))
		for n := 0; ; n++ {
			if n > len(in) {
				t.Fatal("more requests than bytes")
			}
			if _, err := r.Next(); err != nil {
				if errors.Is(err, io.ErrNoProgress) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}
