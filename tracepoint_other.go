// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package usereventsmetric

import (
	"fmt"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

func register(source tracepoint.Source, _ string) (registration, error) {
	_, err := tracepoint.Open(source)
	return nil, fmt.Errorf("this build exports nothing: %w", err)
}

// errnoName has nothing to name: nothing is written.
func errnoName(error) string { return "" }
