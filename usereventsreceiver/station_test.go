// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

func TestNotes(t *testing.T) {
	tests := []struct {
		name  string
		info  listen.Info
		level zapcore.Level
		want  string // "" : nothing but that it listens
	}{
		{name: "as one would expect", info: listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Attached: true}}}},
		{
			name: "taken", info: listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Event: "user_events/a", Err: listen.ErrLayout}}},
			level: zap.WarnLevel, want: "a tracepoint cannot be listened to, will try again",
		},
		{
			name: "awaited", info: listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a"}}},
			level: zap.InfoLevel, want: "waiting for a process to register the tracepoint",
		},
		{
			name: "another layout", info: listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Attached: true, Layout: listen.LayoutFieldless}}},
			level: zap.WarnLevel, want: "the tracepoint is registered in another layout: processes that write the configured one cannot register it",
		},
		{
			name: "not all", info: listen.Info{Err: errors.New("too many")},
			level: zap.WarnLevel, want: "not all tracepoints or CPUs can be found, will try again",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			core, logs := observer.New(zap.InfoLevel)
			set := receivertest.NewNopSettings(metadata.Type)
			set.Logger = zap.New(core)
			s := &station{r: &metricsReceiver{set: set}}
			s.notes(tt.info)
			all := logs.All()
			assert.Equal(t, "listening to user_events", all[len(all)-1].Message)
			if tt.want == "" {
				assert.Len(t, all, 1)
				return
			}
			if assert.Len(t, all, 2) {
				assert.Equal(t, tt.want, all[0].Message)
				assert.Equal(t, tt.level, all[0].Level)
			}
		})
	}
}
