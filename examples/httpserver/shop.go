// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// newShop serves three pages that differ in what they take and how they end.
func newShop() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products", func(w http.ResponseWriter, r *http.Request) {
		products := make([]map[string]any, 20)
		for i := range products {
			products[i] = map[string]any{"id": i, "name": "product " + strconv.Itoa(i), "price": 100 * i}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(products)
	})
	mux.HandleFunc("GET /products/{id}", func(w http.ResponseWriter, r *http.Request) {
		if id, err := strconv.Atoi(r.PathValue("id")); err != nil || id >= 20 {
			http.Error(w, "no such product", http.StatusNotFound)
			return
		}
		_, _ = w.Write([]byte("a product\n"))
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		// A payment service that is not always quick.
		time.Sleep(time.Duration(1+rand.IntN(20)) * time.Millisecond)
		w.WriteHeader(http.StatusCreated)
	})
	return mux
}
