// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/metricgen"
)

// messages keeps what an encoder writes.
type messages [][]byte

func (m *messages) Write(buf []byte, _ int) error {
	*m = append(*m, slices.Clone(buf[otlp.Headroom:]))
	return nil
}

func encode(rm *metricdata.ResourceMetrics) (out messages) {
	otlp.NewEncoder(otlp.MaxMessageSize).Encode(rm, &out)
	return out
}

// What the exporter writes becomes the same metric data again: written once
// more, it is the same to the byte.
func TestWhatTheExporterWrites(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	total := 0
	counts := metricgen.Counts{}
	for range 1000 {
		data := make([]byte, 3000)
		_, _ = random.Read(data)
		generated, made := metricgen.Generate(data, metricgen.Options{MaxLength: 130})
		for k, n := range made {
			counts[k] += n
		}
		for _, message := range encode(generated) {
			total++
			pd, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message)
			require.NoError(t, err)
			converted, err := ResourceMetrics(pd)
			require.NoError(t, err)
			require.Len(t, converted, 1)
			again := encode(converted[0])
			require.Len(t, again, 1)
			if !assert.Equal(t, message, again[0]) {
				return
			}
		}
	}
	assert.Greater(t, total, 500)
	for _, k := range metricgen.Kinds(metricgen.Options{MaxLength: 130}) {
		assert.NotZero(t, counts[k], "never made: %s", k)
	}
}

func TestJSON(t *testing.T) {
	for _, tt := range []struct {
		name, json, want string
	}{
		{"a gauge", `{"gauge":{"dataPoints":[{"asInt":"3"}]}}`, ""},
		{"numbers of two kinds", `{"gauge":{"dataPoints":[{"asInt":"3"},{"asDouble":1.5},{"asDouble":2},{"asInt":"4"}]}}`, ""},
		{"without a value", `{"gauge":{"dataPoints":[{"asInt":"3"},{}]}}`, `resource 0: scope 0 ("s"): metric 0 ("m"): data point 1: the SDK's metric data has no place for a point without a value`},
		{"said to be without a value", `{"gauge":{"dataPoints":[{"asInt":"3","flags":1}]}}`, "a point without a value"},
		{"without data", `{}`, "no data of a kind that is known"},
		{"without temporality", `{"sum":{"dataPoints":[{"asInt":"3"}]}}`, "its temporality must be delta or cumulative"},
		{"a histogram without temporality", `{"histogram":{"dataPoints":[{"count":"3","sum":1}]}}`, "its temporality must be delta or cumulative"},
		{"a histogram without a sum", `{"histogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3"}]}}`, "a histogram without a sum"},
		{"an exponential histogram without a sum", `{"exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3"}]}}`, "a histogram without a sum"},
		{"with metadata", `{"metadata":[{"key":"k","value":{"intValue":"1"}}],"gauge":{"dataPoints":[{"asInt":"3"}]}}`, "its metadata"},
		{"an attribute twice", `{"gauge":{"dataPoints":[{"asInt":"3","attributes":[{"key":"k","value":{"intValue":"1"}},{"key":"k","value":{"intValue":"2"}}]}]}}`, `the attribute "k" is there twice`},
		{"another kind of exemplar", `{"gauge":{"dataPoints":[{"asInt":"3","exemplars":[{"asDouble":1}]}]}}`, "exemplar 0: the SDK's metric data has no place for an exemplar with another kind of number than its point has"},
		{"integers that are none", `{"histogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3","sum":1.5,"exemplars":[{"asInt":"1"}]}]}}`, "exemplars that are integers"},
		{"a far time", `{"gauge":{"dataPoints":[{"asInt":"3","timeUnixNano":"18446744073709551615"}]}}`, "a time after the year 2262"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := strings.Replace(tt.json, "{", `{"name":"m",`, 1)
			m = strings.Replace(m, ",}", "}", 1)
			pd, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(`{"resourceMetrics":[{"scopeMetrics":[{"scope":{"name":"s"},"metrics":[` + m + `]}]}]}`))
			require.NoError(t, err)
			converted, err := ResourceMetrics(pd)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			// The order of the points is the same, although they are of several metrics now.
			want, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(pd)
			require.NoError(t, err)
			got := encode(converted[0])
			require.Len(t, got, 1)
			assert.Equal(t, values(t, want), values(t, got[0]))
		})
	}
}

// values are those of all number data points.
func values(t *testing.T, message []byte) (out []any) {
	t.Helper()
	pd, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message)
	require.NoError(t, err)
	for _, m := range pd.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		assert.Equal(t, "m", m.Name())
		for _, p := range m.Gauge().DataPoints().All() {
			if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
				out = append(out, p.IntValue())
			} else {
				out = append(out, p.DoubleValue())
			}
		}
	}
	return out
}

func TestAttributesOfResources(t *testing.T) {
	for attr, want := range map[string]string{
		`{"key":"","value":{"intValue":"1"}}`:                                                   "an attribute of a resource without a key",
		`{"key":"a","value":{"intValue":"1"}},{"key":"a","value":{"intValue":"1"}}`:             `the attribute "a" is there twice`,
		`{"key":"a","value":{"intValue":"1"}},{"key":"b","value":{"arrayValue":{"values":[]}}}`: "",
	} {
		pd, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(`{"resourceMetrics":[{"resource":{"attributes":[` + attr + `]}}]}`))
		require.NoError(t, err)
		_, err = ResourceMetrics(pd)
		if want == "" {
			require.NoError(t, err, attr)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
}

func TestSeveralResources(t *testing.T) {
	pd, err := (&pmetric.JSONUnmarshaler{}).UnmarshalMetrics([]byte(`{"resourceMetrics":[
		{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]},"schemaUrl":"u"},{}]}`))
	require.NoError(t, err)
	got, err := ResourceMetrics(pd)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "service.name=a", got[0].Resource.String())
	assert.Equal(t, "u", got[0].Resource.SchemaURL())
	assert.Empty(t, got[1].Resource.Attributes())
}

// Whatever OTLP there is, it is converted or refused, and what is converted has
// as many points.
func FuzzResourceMetrics(f *testing.F) {
	random := rand.NewChaCha8([32]byte{2})
	for range 20 {
		data := make([]byte, 500)
		_, _ = random.Read(data)
		generated, _ := metricgen.Generate(data, metricgen.Options{MaxLength: 20})
		for _, m := range encode(generated) {
			f.Add(m)
		}
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		pd, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message)
		if err != nil {
			return
		}
		converted, err := ResourceMetrics(pd)
		if err != nil {
			return
		}
		n := 0
		for _, rm := range converted {
			n += otlp.CountPoints(rm)
		}
		if n != pd.DataPointCount() {
			t.Fatalf("%d points of %d", n, pd.DataPointCount())
		}
	})
}
