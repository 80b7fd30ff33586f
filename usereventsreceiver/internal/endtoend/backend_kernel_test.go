// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// backend is a server for OTLP/HTTP. What arrives at /<name>/v1/metrics it keeps by that name, whether or not its
// client still waits for the answer.
type backend struct {
	*httptest.Server

	mu       sync.Mutex
	got      map[string]pmetric.ResourceMetricsSlice
	requests map[string]int
	refusing bool
	refused  int
	// blocked, if not nil, is what requests wait for; the first one's wait ends it, after blockFor.
	blocked  chan struct{}
	blockFor time.Duration
	failures []error
}

func newBackend(t *testing.T) *backend {
	b := &backend{got: map[string]pmetric.ResourceMetricsSlice{}, requests: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{name}/v1/metrics", b.take)
	b.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		b.CloseClientConnections()
		b.Close()
		require.Empty(t, b.failures)
	})
	return b
}

func (b *backend) take(w http.ResponseWriter, r *http.Request) {
	metrics, err := readRequest(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	if blocked := b.blocked; blocked != nil {
		if b.blockFor > 0 {
			time.AfterFunc(b.blockFor, func() { close(blocked) })
			b.blockFor = 0
		}
		b.mu.Unlock()
		<-blocked
		b.mu.Lock()
	}
	if err != nil {
		b.failures = append(b.failures, err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if b.refusing {
		b.refused++
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	name := r.PathValue("name")
	if _, ok := b.got[name]; !ok {
		b.got[name] = pmetric.NewResourceMetricsSlice()
	}
	metrics.ResourceMetrics().MoveAndAppendTo(b.got[name])
	b.requests[name]++
}

func readRequest(r *http.Request) (pmetric.Metrics, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return pmetric.Metrics{}, err
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return pmetric.Metrics{}, err
	}
	request := pmetricotlp.NewExportRequest()
	if err := request.UnmarshalProto(data); err != nil {
		return pmetric.Metrics{}, err
	}
	return request.Metrics(), nil
}

func (b *backend) refuse(refusing bool) (refusedBefore int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refusing = refusing
	return b.refused
}

// block makes the next request, and all that come meanwhile, wait.
func (b *backend) block(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blocked, b.blockFor = make(chan struct{}), d
}

// metrics returns a copy of what was kept by a name.
func (b *backend) metrics(name string) pmetric.Metrics {
	b.mu.Lock()
	defer b.mu.Unlock()
	metrics := pmetric.NewMetrics()
	if got, ok := b.got[name]; ok {
		got.CopyTo(metrics.ResourceMetrics())
	}
	return metrics
}

func (b *backend) points(name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	got, ok := b.got[name]
	if !ok {
		return 0
	}
	n := 0
	for _, rm := range got.All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				n += pointsOf(m)
			}
		}
	}
	return n
}

func pointsOf(m pmetric.Metric) int {
	switch m.Type() {
	case pmetric.MetricTypeSum:
		return m.Sum().DataPoints().Len()
	case pmetric.MetricTypeGauge:
		return m.Gauge().DataPoints().Len()
	case pmetric.MetricTypeHistogram:
		return m.Histogram().DataPoints().Len()
	case pmetric.MetricTypeExponentialHistogram:
		return m.ExponentialHistogram().DataPoints().Len()
	default:
		return 0
	}
}
