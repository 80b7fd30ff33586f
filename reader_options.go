// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"slices"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

const (
	defaultInterval    = 60 * time.Second
	defaultTimeout     = 30 * time.Second
	defaultSettleDelay = 500 * time.Millisecond
)

type readerConfig struct {
	interval       time.Duration
	timeout        time.Duration
	settleDelay    time.Duration
	discardBacklog bool
	sdkOptions     []sdkmetric.ReaderOption
}

func newReaderConfig(opts []ReaderOption) readerConfig {
	cfg := withEnvironment(readerConfig{
		interval:    defaultInterval,
		timeout:     defaultTimeout,
		settleDelay: defaultSettleDelay,
	}, readerVariables)
	for _, opt := range opts {
		cfg = opt.applyReader(cfg)
	}
	return cfg
}

// ReaderOption configures a [Reader]. An option takes precedence over the environment variable for
// the same thing.
type ReaderOption interface {
	applyReader(readerConfig) readerConfig
}

type readerOptionFunc func(readerConfig) readerConfig

func (f readerOptionFunc) applyReader(c readerConfig) readerConfig { return f(c) }

// WithInterval sets the time from one export to the next while somebody listens, and from one attempt to register the
// tracepoint to the next while it is not registered. The default is 60 seconds, or what OTEL_METRIC_EXPORT_INTERVAL
// says, in milliseconds. As with the SDK's option of this name, 0 and less change nothing.
func WithInterval(interval time.Duration) ReaderOption {
	return readerOptionFunc(func(c readerConfig) readerConfig {
		if interval > 0 {
			c.interval = interval
		}
		return c
	})
}

// WithTimeout bounds one collection together with its export, and a ForceFlush or Shutdown whose context has no
// deadline. The default is 30 seconds, or what OTEL_METRIC_EXPORT_TIMEOUT says, in milliseconds. As with the SDK's
// option of this name, 0 and less change nothing.
func WithTimeout(timeout time.Duration) ReaderOption {
	return readerOptionFunc(func(c readerConfig) readerConfig {
		if timeout > 0 {
			c.timeout = timeout
		}
		return c
	})
}

// WithSettleDelay sets how long the reader waits between noticing a listener and the first export to it. The default is
// 500 milliseconds; 0 exports at once; less than 0 changes nothing.
//
// The kernel says that somebody listens as soon as a listener has opened its event on a first CPU. Until it has opened
// and enabled those of all others, what is written there is lost to it without a count, so the delay must be longer
// than that takes. Package listen takes milliseconds. perf record reads about all processes of the machine in between:
// on a slow, emulated one that took 0.4 s with 40 processes, and up to 3 s with 900.
func WithSettleDelay(delay time.Duration) ReaderOption {
	return readerOptionFunc(func(c readerConfig) readerConfig {
		if delay >= 0 {
			c.settleDelay = delay
		}
		return c
	})
}

// WithoutBacklog throws away what delta sums and histograms gathered while nobody listened: when the reader notices a
// listener it collects and discards, and the first export, at the end of the settle delay, has only what was recorded
// in that delay. Callbacks of observable instruments and producers are called for it once more. Cumulative sums and
// gauges are exported as ever.
func WithoutBacklog() ReaderOption {
	return readerOptionFunc(func(c readerConfig) readerConfig {
		c.discardBacklog = true
		return c
	})
}

// WithSDKOptions passes on options that the SDK has for all its readers, such as [sdkmetric.WithProducer] and
// [sdkmetric.WithCardinalityLimitSelector]. Temporality and aggregation are those of the exporter.
//
// With any such option the reader gives the memory of a collection free after each export, as the SDK's periodic reader
// does, for it may belong to a producer. Without, it uses it again until the listener leaves.
func WithSDKOptions(opts ...sdkmetric.ReaderOption) ReaderOption {
	opts = slices.Clone(opts)
	return readerOptionFunc(func(c readerConfig) readerConfig {
		c.sdkOptions = append(c.sdkOptions, opts...)
		return c
	})
}
