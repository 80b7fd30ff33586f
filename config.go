// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// DefaultTracepointName is the tracepoint that exporters of OTLP metrics share, in any language.
const DefaultTracepointName = tracepoint.DefaultName

// ErrInvalidOption is matched by every error of [New] that is about the value of an option.
var ErrInvalidOption = errors.New("invalid option")

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
		maxMessageSize: defaultMaxMessageSize(),
		pacingBytes:    tracepoint.DefaultBurst,
		pacingPause:    tracepoint.DefaultPause,
		temporality:    sdkmetric.DeltaTemporalitySelector,
		aggregation:    sdkmetric.DefaultAggregationSelector,
	}
}

// ftraceMaxMessageSize is the largest message, in bytes, that an event can have for ftrace to keep it. It must fit a
// page of ftrace's buffer together with 24 bytes of the buffer's own, 8 of the entry's header and 16 of fixed fields.
// Measured on Linux 6.12: of 4048 bytes every one arrived, of 4049 none, without a word.
func ftraceMaxMessageSize() int { return os.Getpagesize() - 48 }

func defaultMaxMessageSize() int { return min(otlp.MaxMessageSize, ftraceMaxMessageSize()) }

func newConfig(opts []Option) (config, error) {
	cfg := defaultConfig().withEnvironment()
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
		invalid("WithUserEventsFile", nil, "an open user_events_data is needed")
	}
	if c.pacingBytes < 0 || c.pacingPause < 0 {
		invalid("WithPacing", fmt.Sprintf("%d, %v", c.pacingBytes, c.pacingPause),
			"neither may be negative; 0 turns pacing off")
	}
	if c.temporality == nil {
		invalid("WithTemporalitySelector", nil, "a function is needed, such as sdkmetric.DeltaTemporalitySelector")
	}
	if c.aggregation == nil {
		invalid("WithAggregationSelector", nil, "a function is needed, such as sdkmetric.DefaultAggregationSelector")
	}
	return errors.Join(errs...)
}

func checkMessageSize(size int) error {
	if size < otlp.MinMessageSize || size > otlp.MaxMessageSize {
		return fmt.Errorf("a message size is %d to %d bytes", otlp.MinMessageSize, otlp.MaxMessageSize)
	}
	return nil
}
