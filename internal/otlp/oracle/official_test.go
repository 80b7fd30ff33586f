// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// official is the OTLP exporter over HTTP, with a transport that keeps the request instead of sending it.
type official struct {
	exporter *otlpmetrichttp.Exporter
	body     []byte
}

func newOfficial(t testing.TB) *official {
	t.Helper()
	o := &official{}
	exporter, err := otlpmetrichttp.New(context.Background(),
		otlpmetrichttp.WithHTTPClient(&http.Client{Transport: o}),
		otlpmetrichttp.WithEndpointURL("http://localhost/v1/metrics"),
		otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression),
		otlpmetrichttp.WithMaxRequestSize(0),
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}),
	)
	require.NoError(t, err)
	o.exporter = exporter
	return o
}

// RoundTrip keeps the request's body and accepts it.
func (o *official) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	o.body = body
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{},
		Body:       io.NopCloser(&bytes.Reader{}),
		Request:    r,
	}, nil
}

// export returns what the exporter sends for rm, and its error.
func (o *official) export(rm *metricdata.ResourceMetrics) (*metricspb.ResourceMetrics, error) {
	o.body = nil
	exportErr := o.exporter.Export(context.Background(), rm)
	if o.body == nil {
		return nil, exportErr
	}
	sent, err := otlptest.Decode(o.body)
	if err != nil {
		return nil, err
	}
	return sent, exportErr
}
