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
