// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"os"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// Option configures an [Exporter]. An option wins over the environment variable for the same thing.
type Option interface {
	apply(config) config
}

type optionFunc func(config) config

func (f optionFunc) apply(c config) config { return f(c) }

// WithTracepointName names the tracepoint, user_events:<name>: a letter or _, then letters, digits and _, at most 128 in
// all. The default is [DefaultTracepointName], the one that agents look for. See USEREVENTS_TRACEPOINT_NAME.
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
// without telling anybody.
func WithMaxMessageSize(bytes int) Option {
	return optionFunc(func(c config) config {
		c.maxMessageSize = bytes
		return c
	})
}

// WithPacing makes Export pause after each so many bytes of messages, for so long, so that listeners get to drain the ring
// of the CPU that it runs on. The default is 64 KiB and 5 ms. A cycle that is not larger never pauses, and pauses get
// shorter where they would take more than half of the time that the context of Export has left. 0 for either turns it off.
func WithPacing(bytes int, pause time.Duration) Option {
	return optionFunc(func(c config) config {
		c.pacingBytes, c.pacingPause = bytes, pause
		return c
	})
}

// WithTemporalitySelector sets what the exporter tells the SDK about temporality. The default is
// [sdkmetric.DeltaTemporalitySelector], since a listener may come and go, and a delta makes sense without the past. See
// OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.
func WithTemporalitySelector(selector sdkmetric.TemporalitySelector) Option {
	return optionFunc(func(c config) config {
		c.temporality = selector
		return c
	})
}

// WithAggregationSelector sets what the exporter tells the SDK about aggregations. The default is
// [sdkmetric.DefaultAggregationSelector]. See OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION.
func WithAggregationSelector(selector sdkmetric.AggregationSelector) Option {
	return optionFunc(func(c config) config {
		c.aggregation = selector
		return c
	})
}

// WithUserEventsPath says where user_events_data is, for a process that sees it elsewhere than in a mounted tracefs. The
// default, "", is wherever tracefs is mounted. See USEREVENTS_DATA_FILE.
func WithUserEventsPath(path string) Option {
	return optionFunc(func(c config) config {
		c.source.Path = path
		return c
	})
}

// WithUserEventsFile gives the exporter an open user_events_data, for a process that may not open it: the kernel checks the
// permission when the file is opened, and never again. It must be open for writing. New duplicates it, and the caller may
// close theirs. It goes before WithUserEventsPath.
func WithUserEventsFile(file *os.File) Option {
	return optionFunc(func(c config) config {
		c.source.File, c.nilFile = file, file == nil
		return c
	})
}

// WithRequired makes [New] fail where the tracepoint cannot be registered. Without it the exporter reports the reason and
// tries again at each Export.
func WithRequired() Option {
	return optionFunc(func(c config) config {
		c.required = true
		return c
	})
}
