// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// peers are what the exporters that ours is compared with export to: transports that keep what they were given last and
// send it nowhere.
type peers struct {
	http, grpc []byte
	stdout     bytes.Buffer
}

// otlpHTTP is the OTLP exporter over HTTP, without compression.
func (p *peers) otlpHTTP(tb testing.TB) sdkmetric.Exporter {
	keep := roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		p.http = body
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, err
	})
	exporter, err := otlpmetrichttp.New(tb.Context(),
		otlpmetrichttp.WithHTTPClient(&http.Client{Transport: keep}),
		otlpmetrichttp.WithEndpointURL("http://localhost/v1/metrics"),
		otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression),
		otlpmetrichttp.WithMaxRequestSize(0), // cycles have up to a million points
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}),
	)
	require.NoError(tb, err)
	return exporter
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// otlpGRPC is the OTLP exporter over gRPC, whose calls end where the message is encoded: HTTP/2 costs nothing here.
func (p *peers) otlpGRPC(tb testing.TB) sdkmetric.Exporter {
	conn, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(func(_ context.Context, _ string, request, _ any, _ *grpc.ClientConn,
			_ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
			body, err := proto.Marshal(request.(proto.Message))
			p.grpc = body
			return err
		}))
	require.NoError(tb, err)
	exporter, err := otlpmetricgrpc.New(tb.Context(), otlpmetricgrpc.WithGRPCConn(conn),
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{}))
	require.NoError(tb, err)
	return exporter
}

// stdoutJSON is the exporter that writes JSON.
func (p *peers) stdoutJSON(tb testing.TB) sdkmetric.Exporter {
	exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(&p.stdout))
	require.NoError(tb, err)
	return exporter
}
