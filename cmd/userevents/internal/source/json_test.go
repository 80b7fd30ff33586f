// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const request = `{"resourceMetrics":[{"scopeMetrics":[{"metrics":[` +
	`{"name":"a","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}`

func TestRequests(t *testing.T) {
	const logs, traces, profiles = `{"resourceLogs":[{"scopeLogs":[]}]}`, `{"resourceSpans":[]}`,
		`{"resourceProfiles":[]}`
	pretty := strings.ReplaceAll(strings.ReplaceAll(request, ",", ",\n\t"), "{", "{\n  ")
	for _, tt := range []struct {
		name, in string
		requests int
		errs     []string // about requests
		notes    []string
	}{
		{"nothing", "", 0, nil, nil},
		{"blank lines", "\n\n \r\n", 0, nil, nil},
		{"one", request, 1, nil, nil},
		{"lines", request + "\n" + request + "\n\n" + request + "\n", 3, nil, nil},
		{"one after the other", request + request, 2, nil, nil},
		{"on many lines", pretty + pretty, 2, nil, nil},
		{"a byte order mark", "\ufeff" + request, 1, nil, nil},
		{"an array", "[" + request + ", " + request + "]", 2, nil, nil},
		{"an array on many lines", "[\n" + request + ",\n" + pretty + "\n]\n", 2, nil, nil},
		{"arrays in an array", "[[" + request + "],[" + request + "]]", 2, nil, nil},
		{"other values in an array", `[5, "x", ` + request + ", null," + request + ",true]\n{\n" + request[1:], 3,
			[]string{
				"request 1: not a request: invalid character '5'",
				`request 2: not a request: invalid character '"'`,
				"request 4: not a request: invalid character 'n'",
				"request 6: not a request: invalid character 't'",
			}, nil},
		{"braces and quotes in strings", strings.ReplaceAll(request, `"a"`, `"}]\"\\"`) + request, 2, nil, nil},
		{"names of protobuf", strings.ReplaceAll(request, "resourceMetrics", "resource_metrics"), 1, nil, nil},
		{"empty requests", `{}{"resourceMetrics":[]}` + request + `{"resource_metrics":[]}`, 1, nil,
			[]string{"3 empty requests passed over"}},
		{"other signals", logs + traces + "\n" + request + logs + profiles +
			strings.ReplaceAll(traces, "resourceSpans", "resource_spans"), 1, nil,
			[]string{"2 requests of logs, 2 requests of traces, 1 request of profiles passed over"}},
		{"something else", `{"hello":1}` + request, 1,
			[]string{"request 1: no resourceMetrics in it: this is not OTLP/JSON"}, nil},
		{"not OTLP", `{"resourceMetrics":7}` + request, 1,
			[]string{"request 1: expect [ or , or ] or n, but found 7, near |Metrics\":7}|"}, nil},
		{"an identifier of another length", strings.ReplaceAll(request, `"asInt":"1"`,
			`"asInt":"1","exemplars":[{"traceId":"aabbcc"}]`) + request, 1,
			[]string{`request 1: length mismatch, near |":"aabbcc"}]}]}}]}]}|`}, nil},
		{"numbers", "1, 2\n" + request, 1, []string{"request 1: not a request: invalid character '1'",
			"request 2: not a request: invalid character '2'"}, nil},
		{"a line of text", request + "\nxyz {\n" + request, 2,
			[]string{"request 2: not a request: invalid character 'x'"},
			nil},
		{"not JSON within an object", `{"a":}` + request, 1, []string{"request 1: invalid character '}'"}, nil},
		{"a line break within a string", "{\"a\":\"b\n" + request, 1,
			[]string{"request 1: a line break within a string"}, nil},
		{"a line that is cut off", request[:50] + "\n" + request + "\n" + logs + "\n", 1,
			[]string{"request 1: cut off"},
			[]string{"1 request of logs passed over"}},
		{"lines that are cut off", strings.Repeat(request[:50]+"\n", 3) + request, 1,
			[]string{"request 1: cut off", "request 2: cut off", "request 3: cut off"}, nil},
		{"the end is cut off", request + "\n" + request[:50], 1, []string{"request 2: cut off"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRequests(strings.NewReader(tt.in))
			n := 0
			var errs []string
			for {
				var ev Event
				err := r.next(&ev)
				var bad *requestError
				if errors.As(err, &bad) {
					errs = append(errs, err.Error())
					continue
				}
				if err != nil {
					require.Equal(t, io.EOF, err)
					break
				}
				assert.Equal(t, 1, ev.Metrics.DataPointCount())
				n++
			}
			assert.Equal(t, tt.requests, n)
			require.Len(t, errs, len(tt.errs), "%q", errs)
			for i, want := range tt.errs {
				assert.Contains(t, errs[i], want)
			}
			assert.Equal(t, tt.notes, r.notes())
		})
	}
}

// A request without an end does not fill the memory, and what follows is read.
func TestLongestRequest(t *testing.T) {
	long := fmt.Sprintf(`{"resourceMetrics":"%s"}`, strings.Repeat("x", maxRequest))
	r := newRequests(strings.NewReader(long + "\n" + request))
	err := r.next(new(Event))
	require.EqualError(t, err, "request 1: longer than 64 MiB")
	err = r.next(new(Event))
	require.NoError(t, err)
}

// Whatever a file has in it, reading ends and nothing crashes.
func FuzzRequests(f *testing.F) {
	f.Add(request + "\n" + request[:30] + "\n" + request)
	f.Add(`[{"resourceMetrics":[{"resource":{"attributes":[` +
		`{"key":"k","value":{"arrayValue":{"values":[{"kvlistValue":{}}]}}}]}}]}]`)
	f.Add(`{"resourceMetrics":[{}]} {} x{"resourceLogs"`)
	f.Fuzz(func(t *testing.T, in string) {
		r := newRequests(strings.NewReader(in))
		for n := 0; ; n++ {
			if n > len(in) {
				t.Fatal("more requests than bytes")
			}
			err := r.next(new(Event))
			var bad *requestError
			if err != nil && !errors.As(err, &bad) {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}
