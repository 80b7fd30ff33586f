// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

// configOf reads a configuration as the Collector does.
func configOf(t *testing.T, id component.ID) (*Config, error) {
	t.Helper()
	all, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := all.Sub(id.String())
	require.NoError(t, err)
	cfg := NewFactory().CreateDefaultConfig()
	return cfg.(*Config), sub.Unmarshal(cfg)
}

func TestConfig(t *testing.T) {
	state := component.MustNewIDWithName("file_storage", "state")
	for _, tt := range []struct {
		name string
		want *Config
	}{
		{"", createDefaultConfig().(*Config)},
		{"all", &Config{
			Tracepoints:    []TracepointConfig{{Name: "otlp_metrics", Layout: "otlp"}, {Name: "cpp_metrics", Layout: "fieldless"}},
			RingBufferSize: 4 << 20,
			PIDs:           []int{4711, 0},
			RetryOnFailure: configretry.BackOffConfig{
				Enabled: true, InitialInterval: 2 * time.Second, MaxInterval: 10 * time.Second,
				Multiplier: 1.5, RandomizationFactor: 0.5,
			},
			MaxPending: 64 << 20, ResourceFromProcess: true, InstanceID: InstanceIDOff, StorageID: &state,
		}},
		{"names", func() *Config {
			c := createDefaultConfig().(*Config)
			c.Tracepoints = []TracepointConfig{{Name: "otlp_metrics"}, {Name: "other_metrics"}}
			c.RingBufferSize = 64 << 10
			return c
		}()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := configOf(t, component.NewIDWithName(metadata.Type, tt.name))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.NoError(t, confmap.Validate(got))

			// And back, as the Collector shows it.
			back := confmap.New()
			require.NoError(t, back.Marshal(got))
			again := createDefaultConfig().(*Config)
			require.NoError(t, back.Unmarshal(again))
			assert.Equal(t, got, again)
		})
	}
}

func TestConfigTellsEverythingThatIsWrong(t *testing.T) {
	got, err := configOf(t, component.NewIDWithName(metadata.Type, "wrong"))
	require.NoError(t, err)
	err = confmap.Validate(got)
	require.Error(t, err)
	for _, want := range []string{
		`tracepoints: name "otlp-metrics": must be [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes`,
		`tracepoints: name "twice": is there twice, must be there once`,
		`tracepoints: twice: layout "flat": must be otlp or fieldless or wait`,
		`ring_buffer_size: 3MiB: must be a power of two from 32KiB to 1GiB, or 0 for the default`,
		`pids: -1: must not be negative`,
		`max_pending: 1KiB: must be 64KiB or more`,
		`instance_id: "maybe": must be auto or off`,
		`retry_on_failure: initial_interval value must be greater than or equal to 0`,
	} {
		assert.ErrorContains(t, err, want)
	}

	got, err = configOf(t, component.NewIDWithName(metadata.Type, "none"))
	require.NoError(t, err)
	assert.ErrorContains(t, confmap.Validate(got), "tracepoints: at least one is needed, such as otlp_metrics")
}

func TestConfigThatCannotBeRead(t *testing.T) {
	for name, want := range map[string]string{
		"unknown_key": "tracepoint",
		"size":        `size "4MB": must be a whole number of bytes`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := configOf(t, component.NewIDWithName(metadata.Type, name))
			assert.ErrorContains(t, err, want)
		})
	}
}

func TestConfigGroupsTracepointsByLayout(t *testing.T) {
	c := createDefaultConfig().(*Config)
	c.RingBufferSize = 1 << 20
	c.PIDs = []int{7}
	c.Tracepoints = []TracepointConfig{{Name: "a"}, {Name: "b", Layout: "fieldless"}, {Name: "c", Layout: "otlp"}, {Name: "d", Layout: "wait"}}
	got, err := c.listenOptions()
	require.NoError(t, err)
	options := func(l listen.Layout, names ...string) listen.Options {
		return listen.Options{Names: names, Layout: l, RingSize: 1 << 20, PIDs: []int{7}, MaxDelay: maxDelay}
	}
	assert.Equal(t, []listen.Options{
		options(listen.LayoutOTLP, "a", "c"),
		options(listen.LayoutFieldless, "b"),
		{Names: []string{"d"}, Register: listen.RegisterNever, RingSize: 1 << 20, PIDs: []int{7}, MaxDelay: maxDelay},
	}, got)
}
