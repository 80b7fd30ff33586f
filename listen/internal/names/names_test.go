// SPDX-License-Identifier: Apache-2.0

package names

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

func TestRegistered(t *testing.T) {
	for event, want := range map[string]string{
		"otlp_metrics.1f": "otlp_metrics", "a.b.0": "a.b", "a.": "", ".1": "", "a": "", "a.xyz": "", "": "", "a.1F": "",
	} {
		name, ok := Registered(event)
		assert.Equal(t, want, name, event)
		assert.Equal(t, want != "", ok, event)
	}
}

func TestOf(t *testing.T) {
	assert.Equal(t, "a", Of("user_events", "a"))
	assert.Equal(t, "a", Of("user_events_multi", "a.1f"))
	assert.Equal(t, "user_events_multi:enable", Of("user_events_multi", "enable"))
	assert.Equal(t, "sched:sched_switch", Of("sched", "sched_switch"))
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"MyProvider_L*", "sched:sched_switch", "a.1f", "*:*", ":", "a:b:c", "?\n"} {
		f.Add(seed, "user_events", seed)
	}
	f.Fuzz(func(t *testing.T, text, system, event string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if system := cmp.Or(p.System, tracefs.System); p.IsLiteral() && !p.Match(system, p.Name) {
			t.Fatalf("%q does not match itself", text)
		}
		if p.Match(system, event) && p.OfUserEvents() && !IsUserEvents(system) {
			t.Fatalf("%q matches %q of %q", text, event, system)
		}
		if Of(system, event) == "" && event != "" {
			t.Fatalf("%q of %q has no name", event, system)
		}
	})
}

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		pattern       string
		literal, user bool
		matches       []string // system, event
		matchesNot    []string
	}{
		{
			"MyProvider_L*", false, true,
			[]string{"user_events", "MyProvider_L1K1", "user_events_multi", "MyProvider_L1K1.0"},
			[]string{"user_events", "My", "sched", "MyProvider_L1K1", "user_events", "XMyProvider_L1K1"},
		},
		{
			"otlp_metrics", true, true,
			[]string{"user_events", "otlp_metrics", "user_events_multi", "otlp_metrics.1f"},
			[]string{"user_events", "otlp_metrics.1f", "user_events_multi", "otlp_metrics.1f.2"},
		},
		{"a.1", true, true, []string{"user_events_multi", "a.1", "user_events", "a.1"}, []string{"user_events", "a"}},
		{"user_events:a?", false, true, []string{"user_events", "ab"}, []string{"user_events_multi", "ab.0"}},
		{"user_events_multi:*", false, true, []string{"user_events_multi", "a.0"}, []string{"user_events", "a"}},
		{
			"sched:sched_process_exec", true, false, []string{"sched", "sched_process_exec"},
			[]string{"user_events", "sched_process_exec", "sched", "sched_process_fork"},
		},
		{"sched:*", false, false, []string{"sched", "sched_switch"}, []string{"irq", "sched_switch"}},
		{"*:*", false, false, []string{"sched", "sched_switch", "user_events", "a"}, nil},
	} {
		p, err := Parse(tt.pattern)
		require.NoError(t, err, tt.pattern)
		assert.Equal(t, tt.literal, p.IsLiteral(), tt.pattern)
		assert.Equal(t, tt.user, p.OfUserEvents(), tt.pattern)
		for i := 0; i < len(tt.matches); i += 2 {
			assert.True(t, p.Match(tt.matches[i], tt.matches[i+1]), "%s %s", tt.pattern, tt.matches[i:i+2])
		}
		for i := 0; i < len(tt.matchesNot); i += 2 {
			assert.False(t, p.Match(tt.matchesNot[i], tt.matchesNot[i+1]), "%s %s", tt.pattern, tt.matchesNot[i:i+2])
		}
	}
	for _, wrong := range []string{"", ":a", "sched:", "a b", "a/b", "a:b:c", "a\n", "\x7f", "..:../x"} {
		_, err := Parse(wrong)
		require.Error(t, err, "%q", wrong)
	}
}
