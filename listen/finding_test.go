// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func TestFindings(t *testing.T) {
	boom := errors.New("boom")
	tracepoint := func(ti TracepointInfo) []TracepointInfo { return []TracepointInfo{ti} }
	for _, tt := range []struct {
		name     string
		info     Info
		severity Severity
		want     string
	}{
		{"as it should be", Info{Tracepoints: tracepoint(TracepointInfo{Name: "a", Attached: true})}, 0, ""},
		{
			"waiting", Info{Register: RegisterNever, Tracepoints: tracepoint(TracepointInfo{Name: "a"})},
			FindingInfo, "waiting for a process to register a",
		},
		{
			"another layout", Info{Tracepoints: tracepoint(TracepointInfo{Name: "a", Attached: true,
				Layout: LayoutFieldless})},
			FindingWarning, `a is registered in the layout "fieldless": processes that write "otlp" cannot register it`,
		},
		{
			"another layout, but it never registers",
			Info{Register: RegisterNever,
				Tracepoints: tracepoint(TracepointInfo{Name: "a", Attached: true, Layout: LayoutFieldless})}, 0, "",
		},
		{
			"another layout of one of several formats",
			Info{Tracepoints: tracepoint(TracepointInfo{Name: "a", Event: "user_events_multi/a.0", Attached: true,
				Layout: LayoutFieldless})}, 0, "",
		},
		{
			"unusable", Info{Tracepoints: tracepoint(TracepointInfo{Name: "a", Event: "user_events/a", Err: boom})},
			FindingWarning, "cannot listen to user_events/a, trying again each second: boom",
		},
		{
			"a format without a payload",
			Info{Tracepoints: tracepoint(TracepointInfo{Name: "a", Event: "user_events_multi/a.0", Err: ErrLayout})},
			FindingInfo, "not listening to user_events_multi/a.0: no layout of OTLP metrics",
		},
		{
			"too many formats", Info{MaxFormats: 16,
				Tracepoints: tracepoint(TracepointInfo{Name: "a", Attached: true, SkippedFormats: 3})},
			FindingWarning,
			"3 multi-format tracepoints of a are not listened to: at most 16 are, those that deliver first",
		},
		{
			"an EventHeader name", Info{Tracepoints: tracepoint(TracepointInfo{Name: "Shop_L4K1", Attached: true})},
			FindingWarning, "Shop_L4K1 is the name of an EventHeader tracepoint, which holds no OTLP metrics",
		},
		{
			"a failed scan", Info{Err: boom},
			FindingWarning, "not all CPUs or tracepoints can be found, trying again each second: boom",
		},
		{
			"small rings", Info{RingSize: 512 << 10, WantedRingSize: 4 << 20},
			FindingWarning, "rings of 512 KiB instead of 4096 KiB per CPU, bursts may be lost: " +
				"raise the memlock limit (ulimit -l, LimitMEMLOCK=) or kernel.perf_event_mlock_kb, " +
				"or grant CAP_IPC_LOCK",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := tt.info.Findings()
			if tt.want == "" {
				assert.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			assert.Equal(t, tt.want, found[0].String())
			assert.Equal(t, tt.severity, found[0].Severity)
		})
	}
}

func TestFindingsAreReportedOncePerChange(t *testing.T) {
	var got []string
	sys := newFakeSystem(0)
	l := sys.listenTo(t, Options{Register: RegisterNever, OnFinding: func(f Finding) { got = append(got, f.String()) }})
	read := func() {
		ctx, cancel := context.WithCancel(context.Background())
		sys.waiters[0].onWait = cancel
		sys.pass(time.Second)
		require.ErrorIs(t, l.Read(ctx, &Event{}), context.Canceled)
	}
	const waiting = "waiting for a process to register otlp_metrics"
	for range 3 {
		read()
	}
	assert.Equal(t, []string{waiting}, got)
	sys.formats["user_events/otlp_metrics"] = layouttest.ParsedWithoutPayload("otlp_metrics", 500)
	for range 3 {
		read()
	}
	require.Len(t, got, 2)
	assert.Contains(t, got[1], "cannot listen to user_events/otlp_metrics")
}

func TestIdleScansMakeNoFindings(t *testing.T) {
	h := newHotplug(t, Options{OnFinding: func(Finding) {}}, 0)
	h.waiters[0].follows = true
	h.addMulti(layouttest.ParsedOTLP("otlp_metrics.1", 600))
	due := func() bool {
		h.pass(time.Second)
		h.l.beginBatch()
		defer h.l.report()
		return h.l.findingsDue
	}
	h.l.report()
	assert.True(t, due(), "attaches it, and lists the CPUs")
	for range 3 {
		assert.False(t, due())
	}
	h.addMulti(layouttest.ParsedOTLP("otlp_metrics.2", 601))
	assert.True(t, due(), "another one came")
	assert.False(t, due())
}
