// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package main

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// A test binary that is started with this variable is the example and no test.
const programVariable = "USEREVENTS_TEST_EXAMPLE"

func init() {
	if os.Getenv(programVariable) != "" {
		main()
		os.Exit(0)
	}
}

func TestKernelExample(t *testing.T) {
	collector := kerneltest.Collect(t, listen.Options{})
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), programVariable+"=1", "OTEL_METRICS_EXPORTER=user_events",
		"OTEL_METRIC_EXPORT_INTERVAL=500")
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	require.NoError(t, program.Start())
	require.Eventually(t, func() bool { return collector.Listener.Stats().Total().Written >= 2 },
		time.Minute, 10*time.Millisecond)
	require.NoError(t, program.Process.Signal(os.Interrupt))
	require.NoError(t, program.Wait())
	assert.Zero(t, collector.Drained(t).Lost)
	sum := int64(0)
	for _, value := range collector.Sums(t) {
		sum += value
	}
	assert.Positive(t, sum)
}
