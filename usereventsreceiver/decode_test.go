// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a process writes, it is decoded or refused, and the rest of its batch is unchanged.
func FuzzDecode(f *testing.F) {
	lines, err := os.ReadFile(filepath.Join("testdata", "rust-0.14.0.jsonl"))
	require.NoError(f, err)
	for line := range bytes.Lines(lines) {
		var e struct{ Payload []byte }
		require.NoError(f, json.Unmarshal(line, &e))
		f.Add(e.Payload)
	}
	f.Add(points(1, 3).Payload)
	f.Add([]byte{0x0A, 0xFF})
	for _, payload := range worstPayloads() {
		f.Add(payload)
	}
	good := entry{payload: points(7, 2).Payload, process: &process{instance: "good"}}
	f.Fuzz(func(t *testing.T, payload []byte) {
		d := decoder{instanceIDs: true, fromProcess: ResourceAdd}
		batch := []entry{good, {payload: payload, pid: 1, process: &process{instance: "id", name: "name"}}, good}
		alone := d.decode(batch[1:2])
		if len(alone.bad) == 0 {
			measured, _ := exportRequest.measure(payload)
			require.GreaterOrEqual(t, measured, alone.metrics.DataPointCount(), "no point comes from nowhere")
			for _, r := range resources(alone.metrics) {
				require.Contains(t, r, serviceInstanceID)
				require.Contains(t, r, processPID)
			}
		}
		together := d.decode(batch)
		require.Equal(t, alone.metrics.DataPointCount()+4, together.metrics.DataPointCount())
		require.Len(t, together.bad, len(alone.bad))
		for _, i := range []int{0, together.metrics.ResourceMetrics().Len() - 1} {
			require.Equal(t, map[string]any{"service.name": "shop", serviceInstanceID: "good"},
				together.metrics.ResourceMetrics().At(i).Resource().Attributes().AsRaw())
		}
	})
}
