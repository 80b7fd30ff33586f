// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
	"github.com/otel-userevents/usereventsmetric/internal/vectors"
)

// A writer of either byte order and of any pointer size: ours and tracepoint_decode read the same. It needs no kernel,
// but the peer, which most machines lack.
func TestAnyWriterAsRust(t *testing.T) {
	g := generator{eventtest.NewGenerator(3), "peers_any"}
	var all []recorded
	for i := range events {
		e := g.event()
		countInPayload(e.Fields, false)
		all = append(all, recorded{e.Tracepoint.String(), eventtest.Writers[i%len(eventtest.Writers)].Encode(&e)})
	}
	compared := newComparison()
	for i, theirs := range decode(t, all) {
		compared.compare(t, i, all[i].dump(), theirs)
	}
	g.checkKinds(t)
	compared.check(t)
}

// Every event of a file that LinuxTracepoints' interceptor wrote.
func TestAnyVectorAsRust(t *testing.T) {
	compared := newComparison()
	var all []recorded
	for _, r := range vectors.Records(t, "EventHeaderInterceptorLE64.dat") {
		all = append(all, recorded{r.Tracepoint, r.Data})
	}
	require.NotEmpty(t, all)
	for i, theirs := range decode(t, all) {
		compared.compare(t, i, all[i].dump(), theirs)
	}
}
