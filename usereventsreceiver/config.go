// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configretry"

	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	defaultTracepoint = "otlp_metrics"
	defaultMaxPending = 32 << 20

	smallestRing    = 32 << 10
	largestRing     = 1 << 30
	smallestPending = 64 << 10 // several of the largest events
	maxNameLength   = 128
)

// Config is the configuration of the receiver.
type Config struct {
	// Tracepoints are those to listen to, at least one.
	Tracepoints []TracepointConfig `mapstructure:"tracepoints"`

	// RingBufferSize is the locked memory of each CPU's ring: a power of two, 32 KiB to 1 GiB. If it cannot be had, the
	// receiver reports that, and tries again. 0, the default, is 4 MiB, but at most 128 MiB for all CPUs and not below
	// 256 KiB, and less where the machine does not allow as much.
	RingBufferSize Size `mapstructure:"ring_buffer_size"`

	// PIDs, if not empty, are the processes (thread group ids) whose events are wanted; 0 stands for all of other pid
	// namespaces.
	PIDs []int `mapstructure:"pids"`

	// RetryOnFailure is how to go on where the next consumer refuses for a time.
	RetryOnFailure configretry.BackOffConfig `mapstructure:"retry_on_failure"`

	// MaxPending is how much may be held that was read and not yet accepted by the next consumer, at least 64 KiB.
	MaxPending Size `mapstructure:"max_pending"`

	// ResourceFromProcess adds process.pid and process.executable.name to resources that do not have them.
	ResourceFromProcess bool `mapstructure:"resource_from_process"`

	// InstanceID says whether resources without a service.instance.id get one.
	InstanceID InstanceIDMode `mapstructure:"instance_id"`

	// StorageID names a storage extension, in which the receiver keeps until when it listened. With it, the time between
	// two runs is counted as a gap.
	StorageID *component.ID `mapstructure:"storage"`
}

// TracepointConfig is a tracepoint to listen to. In a configuration it may also be the name alone.
type TracepointConfig struct {
	// Name is [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes.
	Name string `mapstructure:"name"`
	// Layout is what to register the tracepoint as where no process has yet: "otlp" (the default: the three fields of the
	// Go, Rust and .NET exporters), "fieldless" (the C++ exporter's) or "wait" (not to register it, but to wait for a
	// process that does).
	Layout string `mapstructure:"layout"`
}

// UnmarshalText reads the name alone.
func (t *TracepointConfig) UnmarshalText(text []byte) error {
	*t = TracepointConfig{Name: string(text)}
	return nil
}

// InstanceIDMode says whether resources without a service.instance.id get one.
type InstanceIDMode string

const (
	// InstanceIDAuto adds one made from the boot, the process and its start.
	InstanceIDAuto InstanceIDMode = "auto"
	// InstanceIDOff adds none.
	InstanceIDOff InstanceIDMode = "off"
)

func createDefaultConfig() component.Config {
	retry := configretry.NewDefaultBackOffConfig()
	// The default is for an exporter, behind which is a network. What refuses here is mostly the memory limiter.
	retry.InitialInterval = time.Second
	return &Config{
		Tracepoints:    []TracepointConfig{{Name: defaultTracepoint}},
		RetryOnFailure: retry,
		MaxPending:     defaultMaxPending,
		InstanceID:     InstanceIDAuto,
	}
}

var _ component.Config = (*Config)(nil)

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Validate reports everything that is wrong, except in retry_on_failure, which validates itself.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if len(c.Tracepoints) == 0 {
		wrong("tracepoints: at least one is needed, such as %s", defaultTracepoint)
	}
	seen := map[string]bool{}
	for _, t := range c.Tracepoints {
		if len(t.Name) > maxNameLength || !nameForm.MatchString(t.Name) {
			wrong("tracepoints: name %q: must be [A-Za-z_][A-Za-z0-9_]*, at most %d bytes", t.Name, maxNameLength)
		}
		if seen[t.Name] {
			wrong("tracepoints: name %q: is there twice, must be there once", t.Name)
		}
		seen[t.Name] = true
		if _, _, err := layoutOf(t.Layout); err != nil {
			wrong("tracepoints: %s: %w", t.Name, err)
		}
	}
	if n := c.RingBufferSize; n != 0 && (n < smallestRing || n > largestRing || n&(n-1) != 0) {
		wrong("ring_buffer_size: %v: must be a power of two from %v to %v, or 0 for the default", n, Size(smallestRing), Size(largestRing))
	}
	for _, pid := range c.PIDs {
		if pid < 0 {
			wrong("pids: %d: must not be negative", pid)
		}
	}
	if c.MaxPending < smallestPending {
		wrong("max_pending: %v: must be %v or more", c.MaxPending, Size(smallestPending))
	}
	if c.InstanceID != InstanceIDAuto && c.InstanceID != InstanceIDOff {
		wrong("instance_id: %q: must be %s or %s", string(c.InstanceID), InstanceIDAuto, InstanceIDOff)
	}
	return errors.Join(errs...)
}

// layoutOf reads the name of a layout; "" is otlp.
func layoutOf(name string) (listen.Layout, listen.Register, error) {
	switch name {
	case "":
		return listen.LayoutOTLP, listen.RegisterIfMissing, nil
	case "wait":
		return listen.LayoutOTLP, listen.RegisterNever, nil
	}
	l, err := listen.ParseLayout(name)
	if err != nil {
		err = fmt.Errorf("layout %q: %w or wait", name, err)
	}
	return l, listen.RegisterIfMissing, err
}

// listenOptions are what to open: one for each layout in use, since the layout is the listener's.
func (c *Config) listenOptions() ([]listen.Options, error) {
	var all []listen.Options
	for _, t := range c.Tracepoints {
		l, register, err := layoutOf(t.Layout)
		if err != nil {
			return nil, err
		}
		i := 0
		for i < len(all) && (all[i].Layout != l || all[i].Register != register) {
			i++
		}
		if i == len(all) {
			all = append(all, listen.Options{Layout: l, Register: register, RingSize: int(c.RingBufferSize), PIDs: c.PIDs, MaxDelay: maxDelay})
		}
		all[i].Names = append(all[i].Names, t.Name)
	}
	return all, nil
}

// maxDelay is how long an event may lie in its ring. It is short for what is asked about the process that wrote it, which
// may end right after.
const maxDelay = 250 * time.Millisecond
