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
			Tracepoints: []TracepointConfig{
				{Name: "otlp_metrics", Layout: "otlp", Register: "never"}, {Name: "cpp_metrics", Layout: "fieldless"},
			},
			RingBufferSize: 4 << 20,
			MaxFormats:     8,
			PIDs:           []int{4711, 0},
			ProcessNames:   []string{"shop-*"},
			RetryOnFailure: configretry.BackOffConfig{
				Enabled: true, InitialInterval: 2 * time.Second, MaxInterval: 10 * time.Second,
				Multiplier: 1.5, RandomizationFactor: 0.5,
			},
			MaxPending: 64 << 20, UnspecifiedTemporality: TemporalityDelta, ResourceFromProcess: ResourceAdd,
			LimitPerProcess: LimitConfig{PointsPerSecond: 1000, BytesPerSecond: 64 << 10, Burst: 2 * time.Minute},
			InstanceID:      InstanceIDOff, StorageID: &state,
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

func TestConfigReportsEverythingThatIsWrong(t *testing.T) {
	got, err := configOf(t, component.NewIDWithName(metadata.Type, "wrong"))
	require.NoError(t, err)
	err = confmap.Validate(got)
	require.Error(t, err)
	for _, want := range []string{
		`tracepoints: "otlp-metrics": must be [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes`,
		`tracepoints: "twice": duplicate name`,
		`tracepoints: twice: layout "flat": must be otlp or fieldless`,
		`tracepoints: twice: register "wait": must be if_missing or never`,
		`ring_buffer_size: 3145728: must be a power of two from 32768 to 1073741824, or 0 for the default`,
		`max_formats: -1: must be 1 to`,
		`pids: -1: must not be negative`,
		`process_names: "": must not be empty`,
		`max_pending: 1KiB: must be 64KiB or more`,
		`unspecified_temporality: gauge: must be cumulative, delta or keep`,
		`instance_id: maybe: must be auto or off`,
		`resource_from_process: both: must be add, verify, replace or off`,
		`limit_per_process: points_per_second: -1: must be 0 (no limit) or more`,
		`limit_per_process: burst: 1ms: must be 1s or more`,
		`retry_on_failure: initial_interval value must be greater than or equal to 0`,
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), "RingSize", "keys, not fields")
}

func TestConfigValues(t *testing.T) {
	const (
		tracepoints = "must be names of tracepoints, or mappings with name, layout and register"
		pids        = "must be process IDs, such as [4711, 4712]"
		size        = "must be a whole number of bytes or a size such as "
		limit       = "must be a mapping with points_per_second, bytes_per_second (both whole) and burst"
		storage     = "must be the ID of a storage extension, such as file_storage"
	)
	for _, tt := range []struct {
		yaml string
		err  string // "" if it is valid, and then
		same string // what it is the same as
	}{
		{yaml: "tracepoints: a", same: "tracepoints: [{name: a}]"},
		{yaml: "tracepoints: {name: a}", same: "tracepoints: [a]"},
		{yaml: "tracepoints:", same: "{}"},
		{yaml: "tracepoints: []", err: "tracepoints: at least one is needed, such as otlp_metrics"},
		{yaml: "{tracepoints: [], pids: -1}", err: "pids: -1: must not be negative"},
		{yaml: "tracepoints: 3", err: "tracepoints: 3: " + tracepoints},
		{yaml: "tracepoints: true", err: "tracepoints: true: " + tracepoints},
		{yaml: "tracepoints: [[a]]", err: "tracepoints: [[a]]: " + tracepoints},
		{yaml: "tracepoints: [{name: 3}]", err: "tracepoints: [map[name:3]]: " + tracepoints},
		{yaml: "tracepoints: [{nam: a}]", err: "tracepoints: [map[nam:a]]: " + tracepoints},
		{
			yaml: "tracepoints: [{name: a, layout: wait}]",
			err:  `tracepoints: a: layout "wait": must be otlp or fieldless (waiting is register: never)`,
		},
		{yaml: "pids: 4711", same: "pids: [4711]"},
		{yaml: "pids: x", err: "pids: x: " + pids},
		{yaml: "pids: [1.5]", err: "pids: [1.5]: " + pids},
		{yaml: "pids: ['4711']", err: "pids: [4711]: " + pids},
		{yaml: "process_names: shop-*", same: "process_names: ['shop-*']"},
		{yaml: "process_names: [{a: b}]", err: "process_names: [map[a:b]]: must be patterns, such as [nginx, shop-*]"},
		{yaml: "max_formats: 1.5", err: "max_formats: 1.5: must be a whole number"},
		{yaml: "instance_id: true", err: "instance_id: true: must be auto or off"},
		{yaml: "instance_id: 3", err: "instance_id: 3: must be auto or off"},
		{yaml: "instance_id: [auto]", err: "instance_id: [auto]: must be auto or off"},
		{yaml: "instance_id: on", err: "instance_id: on: must be auto or off"},
		{yaml: "instance_id:", same: "instance_id: auto"},
		{yaml: "unspecified_temporality: no", err: "unspecified_temporality: no: must be cumulative, delta or keep"},
		{yaml: "max_pending: true", err: "max_pending: true: " + size + "32MiB"},
		{yaml: "max_pending: 70000.5", err: "max_pending: 70000.5: " + size + "32MiB"},
		{yaml: "max_pending:", same: "max_pending: 32MiB"},
		{yaml: "ring_buffer_size: 4MB", err: "ring_buffer_size: 4MB: " + size + "4MiB"},
		{yaml: "ring_buffer_size: 65536", same: "ring_buffer_size: 64KiB"},
		{
			yaml: "resource_from_process: 'yes'",
			err:  "resource_from_process: yes: must be add, verify, replace or off",
		},
		{yaml: "resource_from_process: 3", err: "resource_from_process: 3: must be add, verify, replace or off"},
		{yaml: "resource_from_process: true", same: "resource_from_process: add"},
		{yaml: "resource_from_process: false", same: "{}"},
		{yaml: "resource_from_process: off", same: "{}"},
		{yaml: "resource_from_process:", same: "{}"},
		{yaml: "limit_per_process:", same: "{}"},
		{
			yaml: "limit_per_process: {points_per_second: 5}",
			same: "limit_per_process: {points_per_second: 5, burst: 1m}",
		},
		{
			yaml: "limit_per_process: 5",
			err:  "limit_per_process: 5: " + limit,
		},
		// Cut off it would be 0, which is no limit.
		{
			yaml: "limit_per_process: {points_per_second: 0.5}",
			err:  "limit_per_process: map[points_per_second:0.5]: " + limit,
		},
		{
			yaml: "limit_per_process: {bytes_per_second: -1}",
			err:  "limit_per_process: bytes_per_second: -1B: must be 0 (no limit) or more",
		},
		{yaml: "storage: 3", err: "storage: 3: " + storage},
		{yaml: "storage: file storage", err: "storage: file storage: " + storage},
		{yaml: "storage: ''", err: "storage: : " + storage},
		{yaml: "tracepoint: a", err: "invalid keys: tracepoint"},
		{yaml: "retry_on_failure: {max_interval: true}", err: "retry_on_failure.max_interval"},
	} {
		t.Run(tt.yaml, func(t *testing.T) {
			got, err := parseConfig(t, tt.yaml)
			if tt.err != "" {
				assert.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			want, err := parseConfig(t, tt.same)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

// parseConfig reads and validates a configuration as the Collector does.
func parseConfig(t *testing.T, yaml string) (*Config, error) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	config := NewFactory().CreateDefaultConfig().(*Config)
	if err := conf.Unmarshal(config); err != nil {
		return nil, err
	}
	return config, confmap.Validate(config)
}

func TestConfigGroupsTracepoints(t *testing.T) {
	c := createDefaultConfig().(*Config)
	c.RingBufferSize = 1 << 20
	c.PIDs = []int{7}
	c.ProcessNames = []string{"shop"}
	c.MaxFormats = 3
	c.Tracepoints = []TracepointConfig{
		{Name: "a"}, {Name: "b", Layout: "fieldless"}, {Name: "c", Layout: "otlp", Register: "if_missing"},
		{Name: "d", Register: "never"},
	}
	got, err := c.listenOptions()
	require.NoError(t, err)
	options := func(layout listen.Layout, register listen.Register, names ...string) listen.Options {
		return listen.Options{
			Names: names, Layout: layout, Register: register, RingSize: 1 << 20, MaxFormats: 3,
			PIDs: []int{7}, ProcessNames: []string{"shop"}, MaxDelay: maxDelay, Processes: true,
		}
	}
	assert.Equal(t, []listen.Options{
		options(listen.LayoutOTLP, listen.RegisterIfMissing, "a", "c"),
		options(listen.LayoutFieldless, listen.RegisterIfMissing, "b"),
		options(listen.LayoutOTLP, listen.RegisterNever, "d"),
	}, got)
}

// The kernel's records of processes are read where something needs them.
func TestConfigNeedsProcesses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"instance_id": func(c *Config) { c.InstanceID = InstanceIDAuto },
		"add":         func(c *Config) { c.ResourceFromProcess = ResourceAdd },
		"limit":       func(c *Config) { c.LimitPerProcess.BytesPerSecond = 1 },
	} {
		c := createDefaultConfig().(*Config)
		c.InstanceID = InstanceIDOff
		assert.False(t, c.commonOptions().Processes)
		change(c)
		assert.True(t, c.commonOptions().Processes, name)
	}
}
