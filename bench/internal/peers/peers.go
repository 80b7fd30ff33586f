// SPDX-License-Identifier: Apache-2.0

// Package peers has the exporters that the benchmarks compare, each with a transport that keeps what it is given and
// sends it nowhere.
package peers

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// Messages keeps messages of our encoder, headroom included, one behind the other.
type Messages struct {
	Bytes []byte
	Ends  []int // of each message in Bytes
}

// Write is that of otlp.Sink.
func (m *Messages) Write(buf []byte, _ int) error {
	m.Bytes = append(m.Bytes, buf...)
	m.Ends = append(m.Ends, len(m.Bytes))
	return nil
}

// Kept is what a transport was given last.
type Kept struct{ Body []byte }

// RoundTrip keeps the body of a request and accepts it.
func (k *Kept) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	k.Body = body
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

// HTTP is the OTLP exporter over HTTP, without compression.
func HTTP(ctx context.Context) (sdkmetric.Exporter, *Kept, error) {
	kept := &Kept{}
	exporter, err := otlpmetrichttp.New(ctx,
		otlpmetrichttp.WithHTTPClient(&http.Client{Transport: kept}),
		otlpmetrichttp.WithEndpointURL("http://localhost/v1/metrics"),
		otlpmetrichttp.WithCompression(otlpmetrichttp.NoCompression),
		otlpmetrichttp.WithMaxRequestSize(0), // workloads go up to a million points
		otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}),
	)
	return exporter, kept, err
}

// GRPC is the OTLP exporter over gRPC, whose calls end where the message is encoded: HTTP/2 costs nothing here.
func GRPC(ctx context.Context) (sdkmetric.Exporter, *Kept, error) {
	kept := &Kept{}
	conn, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithUnaryInterceptor(func(_ context.Context, _ string, request, _ any, _ *grpc.ClientConn,
			_ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
			body, err := proto.Marshal(request.(proto.Message))
			kept.Body = body
			return err
		}))
	if err != nil {
		return nil, nil, err
	}
	exporter, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithGRPCConn(conn),
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{}))
	return exporter, kept, err
}

// Stdout is the exporter that writes JSON.
func Stdout() (sdkmetric.Exporter, *bytes.Buffer, error) {
	var kept bytes.Buffer
	exporter, err := stdoutmetric.New(stdoutmetric.WithWriter(&kept))
	return exporter, &kept, err
}
