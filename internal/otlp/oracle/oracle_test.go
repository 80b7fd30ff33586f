// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// messages is a sink that parses each message by itself.
type messages struct {
	t       testing.TB
	encoded [][]byte
	decoded []*metricspb.ResourceMetrics
}

func (m *messages) Write(buf []byte, _ int) error {
	message := bytes.Clone(buf[otlp.Headroom:])
	rm, err := otlptest.Decode(message)
	require.NoError(m.t, err)
	m.encoded = append(m.encoded, message)
	m.decoded = append(m.decoded, rm)
	return nil
}

// compare encodes rm under limit and requires what the OTLP exporter sends, less what the encoder says it had to leave
// out.
func compare(t testing.TB, o *official, limit int, rm *metricdata.ResourceMetrics) otlp.Result {
	t.Helper()
	m := &messages{t: t}
	encoder := otlp.NewEncoder(limit)
	result := encoder.Encode(rm, m)
	again := &messages{t: t}
	encoder.Encode(rm, again)
	require.Equal(t, m.encoded, again.encoded, "the same data in another cycle")
	got, err := otlptest.Join(m.decoded...)
	require.NoError(t, err)

	// An error names unsupported metrics; the others are sent.
	want, err := o.export(rm)
	require.NotNil(t, want, "the OTLP exporter has sent nothing: %v", err)
	prune(t, want, limit, &result)
	if got == nil {
		require.Empty(t, want.ScopeMetrics, "nothing written")
		return result
	}
	if !proto.Equal(want, got) {
		require.Fail(
			t,
			"messages differ",
			"limit %d\nwant: %s\ngot:  %s",
			limit,
			prototext.Format(want),
			prototext.Format(got),
		)
	}
	// Equal takes -0 for 0 and one NaN for another.
	require.Equal(t, marshal(t, want), marshal(t, got))
	return result
}

// prune removes from rm what cannot be written: exemplars and data points that make a message too large, and metrics
// and scopes without data points. What it removes must be what result says.
func prune(t testing.TB, rm *metricspb.ResourceMetrics, limit int, result *otlp.Result) {
	t.Helper()
	tooLarge := map[otlptest.Point]bool{}
	exemplars, oversize, written := 0, 0, 0
	for _, alone := range otlptest.Split(rm) {
		point := otlptest.Points(alone)[0]
		left := 0
		if otlptest.Size(alone) > otlp.MaxMessageSize {
			left = removeExemplars(point)
		}
		switch size := otlptest.Size(alone); {
		case size > otlp.MaxMessageSize:
			tooLarge[point] = true
			continue
		case size > limit:
			oversize++
		}
		written++
		exemplars += left
	}
	require.Equal(t, written, result.Points)
	require.Equal(t, exemplars, result.ExemplarsDropped)
	require.Equal(t, oversize, result.Oversize)
	unsupported := 0
	for _, d := range result.Dropped {
		unsupported += unsupportedPoints(d)
	}
	if result.Unlisted == 0 {
		require.Equal(t, len(tooLarge)+unsupported, result.DroppedPoints)
	}
	remove(rm, tooLarge)
}

// The newest version of the API keeps its sets as the encoder expects: else it would take twice as long, and nothing
// else would show it.
func TestAttributesAreReadInPlace(t *testing.T) {
	require.True(t, otlp.InPlace())
}

func marshal(t testing.TB, rm *metricspb.ResourceMetrics) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(rm)
	require.NoError(t, err)
	return b
}
