// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

func TestProviderOptions(t *testing.T) {
	nowhere := eventheader.WithUserEventsPath(filepath.Join(t.TempDir(), "user_events_data"))
	for name, tt := range map[string]struct {
		provider string
		options  []eventheader.Option
		says     string
	}{
		"no name":           {"", nil, "[A-Za-z_]"},
		"digit in front":    {"1a", nil, "[A-Za-z_]"},
		"hyphen":            {"my-provider", nil, "[A-Za-z_]"},
		"NUL":               {"my\x00provider", nil, `"my\x00provider"`},
		"too long":          {strings.Repeat("p", 235), nil, "at most 234 bytes"},
		"too long by group": {strings.Repeat("p", 230), groups("abcd"), "at most 229 bytes"},
		"upper-case group":  {"p", groups("aB"), `group "aB"`},
		"other group":       {"p", groups("a-b"), `group "a-b"`},
		"no file":           {"p", []eventheader.Option{eventheader.WithUserEventsFile(nil)}, "no file"},
		// Only what follows the checks of the name fails here.
		"longest":            {strings.Repeat("p", 234), []eventheader.Option{nowhere}, "user_events_data"},
		"longest with group": {strings.Repeat("p", 229), append(groups("abcd"), nowhere), "user_events_data"},
	} {
		t.Run(name, func(t *testing.T) {
			provider, err := eventheader.NewProvider(tt.provider, tt.options...)
			require.ErrorContains(t, err, tt.says)
			assert.ErrorContains(t, err, "eventheader: ")
			assert.Nil(t, provider)
		})
	}
}

func groups(group string) []eventheader.Option {
	return []eventheader.Option{eventheader.WithGroup(group)}
}

// A program that goes on without a provider need not ask everywhere whether it has one.
func TestWithoutAProvider(t *testing.T) {
	var provider *eventheader.Provider
	set, err := provider.EventSet(eventheader.LevelError, 1)
	require.NoError(t, err)
	assert.Nil(t, set)
	assert.False(t, set.Enabled())
	assert.Empty(t, provider.Name())
	assert.Equal(t, eventheader.Name{}, set.Name())
	var b eventheader.Builder
	require.NoError(t, set.Write(b.Reset("e", 0)))
	require.ErrorIs(t, set.Write(b.EndStruct()), eventheader.ErrInvalid, "a mistake shows without a kernel, too")
	require.NoError(t, provider.Close())
}
