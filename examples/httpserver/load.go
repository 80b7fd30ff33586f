// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
)

// generateLoad sends requests to url, so many a second, until ctx is done.
func generateLoad(ctx context.Context, url string, rate int) {
	if rate <= 0 {
		return
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// The server would wait for connections that have not carried a request yet.
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: otelhttp.NewTransport(transport), Timeout: 5 * time.Second}
	ticker := time.NewTicker(time.Second / time.Duration(rate))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// A request that fails is counted by otelhttp, which is what this program is here to show.
			_ = visit(ctx, client, url)
		}
	}
}

// visit sends one request: most look at the list, some at a product (a few at one that is not there), some buy.
func visit(ctx context.Context, client *http.Client, url string) error {
	method, path := http.MethodGet, "/products"
	switch n := rand.IntN(10); {
	case n == 0:
		method, path = http.MethodPost, "/orders"
	case n < 4:
		path = fmt.Sprintf("/products/%d", rand.IntN(22))
	}
	request, err := http.NewRequestWithContext(ctx, method, url+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
