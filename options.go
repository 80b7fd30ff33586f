// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"fmt"
	"os"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// DefaultTracepointName is the tracepoint that exporters of OTLP metrics share, in any language.
const DefaultTracepointName = tracepoint.DefaultName

// ErrInvalidOption is matched by every error of [New] that is about the value of an option.
var ErrInvalidOption = errors.New("invalid option")

// Option configures an [Exporter]. An option takes precedence over the environment variable for
// the same thing.
type Option interface {
	apply(config) config
}

type optionFunc func(config) config

func (f optionFunc) apply(c config) config { return f(c) }

// WithTracepointName names the tracepoint, user_events:<name>: a letter or _, then letters, digits and _, at most 128
// in all. The default is [DefaultTracepointName], the one that agents look for. See USEREVENTS_TRACEPOINT_NAME.
func WithTracepointName(name string) Option {
	return optionFunc(func(c config) config {
		c.name = name
		return c
	})
}

// WithMaxMessageSize bounds one OTLP message, and so one event, in bytes: 512 to 8168. See USEREVENTS_MAX_MESSAGE_SIZE.
//
// The default is the largest that both perf and ftrace take: the page size less 48, so 4048 on most machines, and no
// more than 8168. Where no listener uses ftrace, 8168 makes half as many events. Beyond 8168 the kernel drops an event
// without an error.
func WithMaxMessageSize(bytes int) Option {
	return optionFunc(func(c config) config {
		c.maxMessageSize = bytes
		return c
	})
}

// WithPacing makes Export pause for the given time after each so many bytes of messages, so that listeners get to drain
// the ring of the CPU that it runs on. The default is 64 KiB and 5 ms. A smaller export never pauses, and pauses get
// shorter where they would take more than half of the time that the context of Export has left. 0 for either turns
// pacing off.
func WithPacing(bytes int, pause time.Duration) Option {
	return optionFunc(func(c config) config {
		c.pacingBytes, c.pacingPause = bytes, pause
		return c
	})
}

// WithTemporalitySelector sets the temporality that the SDK collects with. The default is
// [sdkmetric.DeltaTemporalitySelector], since a listener may come and go, and a delta makes sense without the past. See
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.
func WithTemporalitySelector(selector sdkmetric.TemporalitySelector) Option {
	return optionFunc(func(c config) config {
		c.temporality = selector
		return c
	})
}

// WithAggregationSelector sets the aggregations that the SDK collects with. The default is
// [sdkmetric.DefaultAggregationSelector]. See OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION.
func WithAggregationSelector(selector sdkmetric.AggregationSelector) Option {
	return optionFunc(func(c config) config {
		c.aggregation = selector
		return c
	})
}

// WithUserEventsPath says where user_events_data is, for a process that sees it elsewhere than in a mounted tracefs.
// The default, "", is wherever tracefs is mounted. See USEREVENTS_DATA_FILE.
func WithUserEventsPath(path string) Option {
	return optionFunc(func(c config) config {
		c.source.Path = path
		return c
	})
}

// WithUserEventsFile gives the exporter an open user_events_data, for a process that may not open it: the kernel checks
// the permission when the file is opened, and never again. It must be open for writing. New duplicates it, and the
// caller may close theirs. It takes precedence over WithUserEventsPath.
func WithUserEventsFile(file *os.File) Option {
	return optionFunc(func(c config) config {
		c.source.File, c.nilFile = file, file == nil
		return c
	})
}

// WithRequired makes [New] fail where the tracepoint cannot be registered. Without it the exporter reports the reason
// and tries again at each Export.
func WithRequired() Option {
	return optionFunc(func(c config) config {
		c.required = true
		return c
	})
}

type config struct {
	name           string
	source         tracepoint.Source
	nilFile        bool // given as an option
	maxMessageSize int
	pacingBytes    int
	pacingPause    time.Duration
	temporality    sdkmetric.TemporalitySelector
	aggregation    sdkmetric.AggregationSelector
	required       bool
}

func defaultConfig() config {
	return config{
		name:           DefaultTracepointName,
		maxMessageSize: otlp.DefaultMaxMessageSize(),
		pacingBytes:    tracepoint.DefaultBurst,
		pacingPause:    tracepoint.DefaultPause,
		temporality:    sdkmetric.DeltaTemporalitySelector,
		aggregation:    sdkmetric.DefaultAggregationSelector,
	}
}

func newConfig(opts []Option) (config, error) {
	cfg := withEnvironment(defaultConfig(), exporterVariables)
	for _, opt := range opts {
		cfg = opt.apply(cfg)
	}
	if err := cfg.validate(); err != nil {
		return config{}, fmt.Errorf("usereventsmetric: %w", err)
	}
	if err := cfg.source.Supported(); err != nil {
		return config{}, fmt.Errorf("usereventsmetric: WithUserEventsPath and WithUserEventsFile: %w", err)
	}
	return cfg, nil
}

func (c config) validate() error {
	var errs []error
	invalid := func(option string, value any, allowed string) {
		errs = append(errs, fmt.Errorf("%w: %s(%v): %s", ErrInvalidOption, option, value, allowed))
	}
	if err := tracepoint.CheckName(c.name); err != nil {
		invalid("WithTracepointName", fmt.Sprintf("%q", c.name), err.Error())
	}
	if err := checkMessageSize(c.maxMessageSize); err != nil {
		invalid("WithMaxMessageSize", c.maxMessageSize, err.Error())
	}
	if c.nilFile {
		invalid("WithUserEventsFile", nil, "must be an open user_events_data")
	}
	if c.pacingBytes < 0 || c.pacingPause < 0 {
		invalid("WithPacing", fmt.Sprintf("%d, %v", c.pacingBytes, c.pacingPause),
			"must not be negative; 0 turns pacing off")
	}
	if c.temporality == nil {
		invalid("WithTemporalitySelector", nil, "must be a function, such as sdkmetric.DeltaTemporalitySelector")
	}
	if c.aggregation == nil {
		invalid("WithAggregationSelector", nil, "must be a function, such as sdkmetric.DefaultAggregationSelector")
	}
	return errors.Join(errs...)
}

func checkMessageSize(size int) error {
	if size < otlp.MinMessageSize || size > otlp.MaxMessageSize {
		return fmt.Errorf("must be %d to %d bytes", otlp.MinMessageSize, otlp.MaxMessageSize)
	}
	return nil
}
