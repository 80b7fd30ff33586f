// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	defaultMaxPending = 32 << 20
	minMaxPending     = 64 << 10 // several of the largest events

	// defaultBurst is how often SDKs export by default.
	defaultBurst = time.Minute

	// maxDelay is how long an event may stay in its ring. An idle receiver wakes up as often.
	maxDelay = time.Second
	// lookupDelay is the same where the process that wrote it is looked up in /proc, as it may end right after.
	lookupDelay = 250 * time.Millisecond
)

// Config is the configuration of the receiver.
type Config struct {
	// Tracepoints are those to listen to, at least one.
	Tracepoints []TracepointConfig `mapstructure:"tracepoints"`

	// RingBufferSize is the locked memory of each CPU's ring: a power of two, 32 KiB to 1 GiB. If it is not allowed,
	// the receiver reports that, and tries again. 0, the default, is 4 MiB, but at most 128 MiB for all CPUs and not
	// below 256 KiB, and less where the machine does not allow as much.
	RingBufferSize Size `mapstructure:"ring_buffer_size"`

	// MaxFormats is how many multi-format tracepoints of each name are read at most. Default (0): 16.
	MaxFormats int `mapstructure:"max_formats"`

	// PIDs, if not empty, are the processes (thread group IDs) whose events are wanted; 0 stands for all processes of
	// other pid namespaces.
	PIDs []int `mapstructure:"pids"`

	// ProcessNames, if not empty, are patterns with * and ? for the names of processes whose events are wanted. A name
	// is the kernel's, of at most 15 bytes. Events of processes whose name is not known any more are dropped and
	// counted.
	ProcessNames []string `mapstructure:"process_names"`

	// RetryOnFailure is the schedule of retries when the next consumer refuses metrics, but not permanently.
	RetryOnFailure configretry.BackOffConfig `mapstructure:"retry_on_failure"`

	// MaxPending is how much may be held that was read and not yet accepted by the next consumer, at least 64 KiB.
	MaxPending Size `mapstructure:"max_pending"`

	// UnspecifiedTemporality is what becomes of non-monotonic sums without a temporality.
	UnspecifiedTemporality TemporalityMode `mapstructure:"unspecified_temporality"`

	// ResourceFromProcess is what becomes of process.pid and process.executable.name, which the kernel knows better
	// than a resource says.
	ResourceFromProcess ResourceFromProcess `mapstructure:"resource_from_process"`

	// LimitPerProcess is how much a process may write before its events are dropped.
	LimitPerProcess LimitConfig `mapstructure:"limit_per_process"`

	// InstanceID is whether resources without a service.instance.id get one.
	InstanceID InstanceIDMode `mapstructure:"instance_id"`

	// StorageID names a storage extension, in which the receiver stores until when it listened. With it, the time
	// between two runs is counted as a gap.
	StorageID *component.ID `mapstructure:"storage"`
}

// LimitConfig is how much a process may write. The zero value is no limit.
type LimitConfig struct {
	// PointsPerSecond is a number of data points, BytesPerSecond one of bytes of OTLP; 0 for any number.
	PointsPerSecond int64 `mapstructure:"points_per_second"`
	BytesPerSecond  Size  `mapstructure:"bytes_per_second"`
	// Burst is for how long a process may save up what it did not write: a service exports everything at once.
	Burst time.Duration `mapstructure:"burst"`
}

// TracepointConfig is a tracepoint to listen to. In a configuration it may also be the name alone.
type TracepointConfig struct {
	// Name is [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes.
	Name string `mapstructure:"name"`
	// Layout is what to register the tracepoint with: "otlp" (the default: the three fields of the Go, Rust and .NET
	// exporters) or "fieldless" (the C++ exporter's).
	Layout string `mapstructure:"layout"`
	// Register is whether to register the tracepoint if no process has: "if_missing" (the default) or "never", which
	// waits for a process that does.
	Register string `mapstructure:"register"`
}

// UnmarshalText reads the name alone.
func (t *TracepointConfig) UnmarshalText(text []byte) error {
	*t = TracepointConfig{Name: string(text)}
	return nil
}

// ResourceFromProcess is what becomes of attributes about the process.
type ResourceFromProcess string

const (
	// ResourceOff leaves them as they are.
	ResourceOff ResourceFromProcess = "off"
	// ResourceAdd adds those that are missing.
	ResourceAdd ResourceFromProcess = "add"
	// ResourceVerify counts and logs those that are not the process's own.
	ResourceVerify ResourceFromProcess = "verify"
	// ResourceReplace replaces them, and removes what is not known to be true.
	ResourceReplace ResourceFromProcess = "replace"
)

var resourceModes = []ResourceFromProcess{ResourceOff, ResourceAdd, ResourceVerify, ResourceReplace}

// InstanceIDMode is whether resources without a service.instance.id get one.
type InstanceIDMode string

const (
	// InstanceIDAuto adds one derived from the boot, the process and its start.
	InstanceIDAuto InstanceIDMode = "auto"
	// InstanceIDOff adds none.
	InstanceIDOff InstanceIDMode = "off"
)

// TemporalityMode is what becomes of non-monotonic sums without a temporality.
type TemporalityMode string

const (
	// TemporalityCumulative makes them cumulative, which they are where the Rust exporter wrote them.
	TemporalityCumulative TemporalityMode = "cumulative"
	// TemporalityDelta makes them deltas.
	TemporalityDelta TemporalityMode = "delta"
	// TemporalityKeep passes them on unchanged.
	TemporalityKeep TemporalityMode = "keep"
)

var temporalities = map[TemporalityMode]pmetric.AggregationTemporality{
	TemporalityCumulative: pmetric.AggregationTemporalityCumulative,
	TemporalityDelta:      pmetric.AggregationTemporalityDelta,
	TemporalityKeep:       pmetric.AggregationTemporalityUnspecified,
}

func createDefaultConfig() component.Config {
	retry := configretry.NewDefaultBackOffConfig()
	// The default is for an exporter, which has a network behind it. Here it is mostly the memory limiter that refuses.
	retry.InitialInterval = time.Second
	return &Config{
		Tracepoints:            []TracepointConfig{{Name: listen.DefaultTracepointName}},
		RetryOnFailure:         retry,
		MaxPending:             defaultMaxPending,
		UnspecifiedTemporality: TemporalityCumulative,
		ResourceFromProcess:    ResourceOff,
		LimitPerProcess:        LimitConfig{Burst: defaultBurst},
		InstanceID:             InstanceIDAuto,
	}
}

var (
	_ component.Config    = (*Config)(nil)
	_ confmap.Unmarshaler = (*Config)(nil)
)

// allowed says what a setting may be, by its key.
var allowed = map[string]string{
	"tracepoints":             "names of tracepoints, or mappings with name, layout and register",
	"ring_buffer_size":        "a whole number of bytes or a size such as 4MiB",
	"max_formats":             "a whole number",
	"pids":                    "process IDs, such as [4711, 4712]",
	"process_names":           "patterns, such as [nginx, shop-*]",
	"max_pending":             "a whole number of bytes or a size such as 32MiB",
	"unspecified_temporality": "cumulative, delta or keep",
	"resource_from_process":   "add, verify, replace or off",
	"limit_per_process":       "a mapping with points_per_second, bytes_per_second (both whole) and burst",
	"instance_id":             "auto or off",
	"storage":                 "the ID of a storage extension, such as file_storage",
}

// lists are the keys of settings with a list.
var lists = []string{"tracepoints", "pids", "process_names"}

// Unmarshal reads a configuration. It accepts a single value in place of a list of one, and says what is allowed in
// place of a value of another kind.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	type plain Config // without this method
	given := conf.ToStringMap()
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(given)) {
		value := given[key]
		if value == nil { // as if the key were not there
			conf.Delete(key)
			continue
		}
		if slices.Contains(lists, key) && reflect.TypeOf(value).Kind() != reflect.Slice {
			if err := conf.Merge(confmap.NewFromStringMap(map[string]any{key: []any{value}})); err != nil {
				return err
			}
		}
		if on, ok := value.(bool); ok && key == "resource_from_process" { // what it was until 0.1
			mode := ResourceOff
			if on {
				mode = ResourceAdd
			}
			if err := conf.Merge(confmap.NewFromStringMap(map[string]any{key: string(mode)})); err != nil {
				return err
			}
		}
		alone := confmap.New()
		if err := alone.Merge(conf); err != nil {
			return err
		}
		for other := range given {
			if other != key {
				alone.Delete(other)
			}
		}
		err := alone.Unmarshal(new(plain))
		if words, ok := allowed[key]; ok && (err != nil || hasFraction(value)) {
			err = fmt.Errorf("%s: %v: must be %s", key, value, words)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return conf.Unmarshal((*plain)(c))
}

// hasFraction reports whether a number is not whole, which would be cut off.
func hasFraction(value any) bool {
	switch v := value.(type) {
	case float64:
		return v != math.Trunc(v)
	case []any:
		return slices.ContainsFunc(v, hasFraction)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasFraction)
	}
	return false
}

// settings are the keys of what is an option of the listener, by its field in listen.Options.
var settings = map[string]string{
	"Names": "tracepoints", "Layout": "layout", "Register": "register", "RingSize": "ring_buffer_size",
	"PIDs": "pids", "ProcessNames": "process_names", "MaxFormats": "max_formats",
}

// Validate reports everything that is wrong, except in retry_on_failure, which validates itself.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(key string, value any, reason string) {
		errs = append(errs, fmt.Errorf("%s: %v: must be %s", key, value, reason))
	}
	if len(c.Tracepoints) == 0 {
		errs = append(errs, fmt.Errorf("tracepoints: at least one is needed, such as %s", listen.DefaultTracepointName))
	}
	_, err := c.listenOptions()
	errs = append(errs, err)
	all := c.commonOptions()
	for _, t := range c.Tracepoints { // of all listeners at once, for duplicates
		all.Names = append(all.Names, t.Name)
	}
	errs = append(errs, optionErrors(all.Validate())...)
	if c.MaxPending < minMaxPending {
		wrong("max_pending", c.MaxPending, fmt.Sprintf("%v or more", Size(minMaxPending)))
	}
	if !slices.Contains(resourceModes, c.ResourceFromProcess) {
		wrong("resource_from_process", c.ResourceFromProcess, allowed["resource_from_process"])
	}
	if limit := c.LimitPerProcess; limit.PointsPerSecond < 0 {
		wrong("limit_per_process: points_per_second", limit.PointsPerSecond, "0 (no limit) or more")
	}
	if limit := c.LimitPerProcess; limit.BytesPerSecond < 0 {
		wrong("limit_per_process: bytes_per_second", limit.BytesPerSecond, "0 (no limit) or more")
	}
	if burst := c.LimitPerProcess.Burst; burst < time.Second {
		wrong("limit_per_process: burst", burst, "1s or more")
	}
	if c.InstanceID != InstanceIDAuto && c.InstanceID != InstanceIDOff {
		wrong("instance_id", c.InstanceID, allowed["instance_id"])
	}
	if _, ok := temporalities[c.UnspecifiedTemporality]; !ok {
		wrong("unspecified_temporality", c.UnspecifiedTemporality, allowed["unspecified_temporality"])
	}
	return errors.Join(errs...)
}

// optionErrors names the keys of a configuration in place of the listener's options.
func optionErrors(err error) (errs []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, err := range joined.Unwrap() {
		if o := (*listen.OptionError)(nil); errors.As(err, &o) {
			err = fmt.Errorf("%s: %s: %s", settings[o.Field], o.ValueText(), o.Reason)
		}
		errs = append(errs, err)
	}
	return errs
}

// commonOptions are those that all listeners have in common.
func (c *Config) commonOptions() listen.Options {
	delay := maxDelay
	if c.ResourceFromProcess != ResourceOff {
		delay = lookupDelay
	}
	return listen.Options{
		RingSize: int(min(c.RingBufferSize, math.MaxInt)), MaxFormats: c.MaxFormats,
		PIDs: c.PIDs, ProcessNames: c.ProcessNames, MaxDelay: delay, Processes: c.needsProcesses(),
	}
}

// needsProcesses reports whether it matters which process wrote an event.
func (c *Config) needsProcesses() bool {
	return c.InstanceID == InstanceIDAuto || c.ResourceFromProcess != ResourceOff || c.LimitPerProcess.isSet()
}

func (c LimitConfig) isSet() bool { return c.PointsPerSecond > 0 || c.BytesPerSecond > 0 }

// listenOptions are what to open: one listener for each layout and way of registering in use, as these are the
// listener's.
func (c *Config) listenOptions() ([]listen.Options, error) {
	var all []listen.Options
	var errs []error
	for _, t := range c.Tracepoints {
		layout, err := parse(t.Layout, listen.ParseLayout)
		if t.Layout == "wait" { // what it was until 0.1
			err = fmt.Errorf("%w (waiting is register: never)", err)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("tracepoints: %s: layout %q: %w", t.Name, t.Layout, err))
		}
		register, err := parse(t.Register, listen.ParseRegister)
		if err != nil {
			errs = append(errs, fmt.Errorf("tracepoints: %s: register %q: %w", t.Name, t.Register, err))
		}
		i := slices.IndexFunc(all, func(o listen.Options) bool { return o.Layout == layout && o.Register == register })
		if i < 0 {
			i = len(all)
			all = append(all, c.commonOptions())
			all[i].Layout, all[i].Register = layout, register
		}
		all[i].Names = append(all[i].Names, t.Name)
	}
	return all, errors.Join(errs...)
}

// parse returns the default, which is zero, for an empty text.
func parse[T any](text string, f func(string) (T, error)) (value T, err error) {
	if text != "" {
		value, err = f(text)
	}
	return value, err
}
