// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// server is an OTLP endpoint, by HTTP or gRPC, that the environment names to exporters.
type server struct {
	collectorpb.UnimplementedMetricsServiceServer

	mu       sync.Mutex
	status   int // with which HTTP requests are refused; 0 accepts them
	refused  int
	requests []*metricpb.MetricsData
}

func (s *server) take(data *metricpb.MetricsData) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, data)
}

func (s *server) taken() []*metricpb.MetricsData {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *server) refuse(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *server) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// refusal counts a refused request.
func (s *server) refusal() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != 0 {
		s.refused++
	}
	return s.status
}

func startHTTP(t *testing.T) *server {
	s := &server{}
	httpServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(body)
			if !assert.NoError(t, err) {
				return
			}
			body = unzipped
		}
		message, err := io.ReadAll(body)
		assert.NoError(t, err)
		if status := s.refusal(); status != 0 {
			w.Header().Set("Retry-After", "1") // of the statuses that are retried
			w.WriteHeader(status)
			return
		}
		data := &metricpb.MetricsData{}
		assert.NoError(t, proto.Unmarshal(message, data))
		assert.Equal(t, "/v1/metrics", r.URL.Path)
		s.take(data)
	}))
	t.Cleanup(httpServer.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", httpServer.URL)
	// The transport that the exporter uses keeps a connection, and with it two goroutines.
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return s
}

func startGRPC(t *testing.T) *server {
	s := &server{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	grpcServer := grpc.NewServer()
	collectorpb.RegisterMetricsServiceServer(grpcServer, s)
	go func() { assert.NoError(t, grpcServer.Serve(listener)) }()
	t.Cleanup(grpcServer.Stop)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+listener.Addr().String())
	return s
}

// Export is that of the gRPC service.
func (s *server) Export(
	_ context.Context,
	request *collectorpb.ExportMetricsServiceRequest,
) (*collectorpb.ExportMetricsServiceResponse, error) {
	s.take(&metricpb.MetricsData{ResourceMetrics: request.ResourceMetrics})
	return &collectorpb.ExportMetricsServiceResponse{}, nil
}

// point is a data point of a sum, with what it belongs to.
type point struct {
	service, scope, metric string
	temporality            metricpb.AggregationTemporality
	start, at              uint64
	value                  int64
}

// pointsOf returns the points in messages, in order.
func pointsOf(messages []*metricpb.MetricsData) (points []point) {
	for _, message := range messages {
		for _, resource := range message.ResourceMetrics {
			service := ""
			for _, attribute := range resource.Resource.Attributes {
				if attribute.Key == "service.name" {
					service = attribute.Value.GetStringValue()
				}
			}
			for _, scope := range resource.ScopeMetrics {
				for _, metric := range scope.Metrics {
					for _, p := range metric.GetSum().GetDataPoints() {
						points = append(points, point{
							service, scope.Scope.Name, metric.Name, metric.GetSum().AggregationTemporality,
							p.StartTimeUnixNano, p.TimeUnixNano, p.GetAsInt(),
						})
					}
				}
			}
		}
	}
	return points
}
