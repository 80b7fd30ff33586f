// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive

package tracefs_test

import (
	"testing"

	"github.com/otel-userevents/usereventsmetric/internal/conformance"
)

func TestKernelHealing(t *testing.T) { conformance.Healing(t, backend) }
