// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package perfdata_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

const otlpEvent = "user_events:otlp_metrics"

var recordings = []struct {
	name string
	recording
}{
	{"default", recording{options: []string{"-e", otlpEvent}}},
	{"stream", recording{options: []string{"-e", otlpEvent}, stream: true}},
	{"callchains", recording{options: []string{"-g", "-e", otlpEvent}}},
	{"dwarf", recording{options: []string{"--call-graph", "dwarf", "-e", otlpEvent}}},
	{"addresses", recording{options: []string{"-d", "--phys-data", "-e", otlpEvent}}},
	{"datapages", recording{options: []string{"-d", "--data-page-size", "--code-page-size", "-W", "-e", otlpEvent}}},
	{"registers", recording{options: []string{"--intr-regs", "--user-regs", "-e", otlpEvent}}},
	{"monotonic", recording{options: []string{"-k", "CLOCK_MONOTONIC", "-e", otlpEvent}}},
	{"monotonic stream", recording{options: []string{"-k", "CLOCK_MONOTONIC", "-e", otlpEvent}, stream: true}},
	{"realtime", recording{options: []string{"-k", "CLOCK_REALTIME", "-e", otlpEvent}}},
	{"several events", recording{options: []string{"-e", otlpEvent, "-e", "cpu-clock", "-e", "user_events:other"}}},
	{"several events stream", recording{options: []string{"-e", "user_events:other", "-e", otlpEvent}, stream: true}},
	{"group", recording{options: []string{"-e", "{user_events:other," + otlpEvent + "}:S"}}},
	{"switches", recording{options: []string{"--switch-events", "-e", otlpEvent}}},
	{"without time", recording{options: []string{"--no-timestamp", "-e", otlpEvent}}},
	{"identifier", recording{options: []string{"--sample-identifier", "--period", "--sample-cpu", "-e", otlpEvent}}},
	{"compressed", recording{options: []string{"-z", "-e", otlpEvent}}},
	{"compressed stream", recording{options: []string{"-z", "-e", otlpEvent}, stream: true}},
	{"killed", recording{options: []string{"-e", otlpEvent}, kill: true}},
}

func TestKernelSeeds(t *testing.T) {
	p, err := layouttest.NewProducer("otlp_metrics", tracefs.FieldsOTLP, 0)
	require.NoError(t, err)
	other, err := layouttest.NewProducer("other", "u32 n", 0)
	require.NoError(t, err)
	for _, tt := range recordings {
		t.Run(tt.name, func(t *testing.T) {
			data, said := tt.record(t, func() {
				for i := range 5 {
					require.NoError(t, p.Write(layouttest.OTLPWrite(binary.LittleEndian, fmt.Appendf(nil, "payload %d", i))))
					_ = other.Write([]byte{1, 2, 3, 4})
				}
			})
			t.Log(said)
			assert.NotEmpty(t, data)
			if dir := os.Getenv("USEREVENTS_TESTDATA"); dir != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, tt.name+".data"), data, 0o644))
			}
		})
	}
}
