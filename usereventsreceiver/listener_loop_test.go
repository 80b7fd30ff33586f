// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/otel-userevents/usereventsmetric/listen"
)

func TestFindingsAreLogged(t *testing.T) {
	for _, tt := range []struct {
		name    string
		finding listen.Finding
		level   zapcore.Level
		fields  map[string]any
	}{
		{
			name:    "info with a setting",
			finding: listen.Finding{Severity: listen.FindingInfo, Message: "waiting", Option: "Register"},
			level:   zap.InfoLevel, fields: map[string]any{"setting": "register"},
		},
		{
			name:    "warning with an error",
			finding: listen.Finding{Severity: listen.FindingWarning, Message: "cannot", Err: errors.New("why")},
			level:   zap.WarnLevel, fields: map[string]any{"error": "why"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, consumertest.NewNop(), nil)
			b.start(t)
			b.machine.listener(t).options.OnFinding(tt.finding)
			logged := b.logs.FilterMessage(tt.finding.Message).All()
			require.Len(t, logged, 1)
			assert.Equal(t, tt.level, logged[0].Level)
			tt.fields["tracepoints"] = []any{listen.DefaultTracepointName}
			assert.Equal(t, tt.fields, logged[0].ContextMap())
			b.shutdown(t)
		})
	}
}
