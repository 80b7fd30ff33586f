// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

// What go generate makes of metadata.yaml is up to date, and the README has all metrics.
func TestMetricsAreDocumented(t *testing.T) {
	metadata, err := confmaptest.LoadConf("metadata.yaml")
	require.NoError(t, err)
	telemetry, err := metadata.Sub("telemetry::metrics")
	require.NoError(t, err)
	var want []string
	for name := range telemetry.ToStringMap() {
		want = append(want, "otelcol_"+name)
	}
	slices.Sort(want)
	require.NotEmpty(t, want)
	for file, form := range map[string]string{
		filepath.Join("internal", "metadata", "generated_telemetry.go"): `"(otelcol_\w+)"`,
		"documentation.md": `### (otelcol_\w+)`,
		"README.md":        "(?m)^\\| `(otelcol_\\w+)`",
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var got []string
		for _, m := range regexp.MustCompile(form).FindAllSubmatch(text, -1) {
			got = append(got, string(m[1]))
		}
		slices.Sort(got)
		assert.Equal(t, want, got, file)
	}
}

// The README's rules for alerts are YAML, and of metrics that exist.
func TestAlertsAreOfMetricsThatExist(t *testing.T) {
	known, err := os.ReadFile("documentation.md")
	require.NoError(t, err)
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "```yaml\ngroups:")
	require.True(t, found)
	rules, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	retrieved, err := confmap.NewRetrievedFromYAML([]byte("groups:" + rules))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	var parsed struct {
		Groups []struct {
			Name  string `mapstructure:"name"`
			Rules []struct {
				Alert string `mapstructure:"alert"`
				Expr  string `mapstructure:"expr"`
				For   string `mapstructure:"for"`
			} `mapstructure:"rules"`
		} `mapstructure:"groups"`
	}
	require.NoError(t, conf.Unmarshal(&parsed))
	require.Len(t, parsed.Groups, 1)
	require.NotEmpty(t, parsed.Groups[0].Rules)
	own := 0
	for _, rule := range parsed.Groups[0].Rules {
		names := regexp.MustCompile(`otelcol_\w+`).FindAllString(rule.Expr, -1)
		assert.NotEmpty(t, names, rule.Alert)
		for _, name := range names {
			if strings.HasPrefix(name, "otelcol_receiver_user_events_") {
				own++
				assert.Contains(t, string(known), "### "+name+"\n", rule.Alert)
			}
		}
	}
	assert.Positive(t, own)
}

func TestSettingsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, settings := range []any{Config{}, TracepointConfig{}, LimitConfig{}} {
		for field := range reflect.TypeOf(settings).Fields() {
			key := field.Tag.Get("mapstructure")
			assert.True(t, strings.Contains(string(text), "| `"+key+"` |"), key)
		}
	}
}
