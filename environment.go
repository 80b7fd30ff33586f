// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

const (
	envName        = "USEREVENTS_TRACEPOINT_NAME"
	envMessageSize = "USEREVENTS_MAX_MESSAGE_SIZE"
	envDataFile    = "USEREVENTS_DATA_FILE"
	envTemporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
	envAggregation = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"

	// Those of the SDK's periodic reader.
	envInterval = "OTEL_METRIC_EXPORT_INTERVAL"
	envTimeout  = "OTEL_METRIC_EXPORT_TIMEOUT"
)

// variable is an environment variable and what its value does to a configuration.
type variable[Config any] struct {
	name  string
	apply func(*Config, string) error
}

var exporterVariables = []variable[config]{
	{envName, (*config).setName},
	{envMessageSize, (*config).setMessageSize},
	{envDataFile, (*config).setDataFile},
	{envTemporality, (*config).setTemporality},
	{envAggregation, (*config).setAggregation},
}

var readerVariables = []variable[readerConfig]{
	{envInterval, func(c *readerConfig, value string) error { return setMilliseconds(&c.interval, value) }},
	{envTimeout, func(c *readerConfig, value string) error { return setMilliseconds(&c.timeout, value) }},
}

// withEnvironment applies the environment. A variable that is blank counts as not set; one with a bad value is reported
// and left out, as the specification asks for: a typing error in a deployment must not stop a service.
func withEnvironment[Config any](c Config, variables []variable[Config]) Config {
	for _, v := range variables {
		value := strings.TrimSpace(os.Getenv(v.name))
		if value == "" {
			continue
		}
		if err := v.apply(&c, value); err != nil {
			otel.Handle(fmt.Errorf("usereventsmetric: %s=%q is ignored: %w", v.name, value, err))
		}
	}
	return c
}

func (c *config) setName(value string) error {
	if err := tracepoint.CheckName(value); err != nil {
		return err
	}
	c.name = value
	return nil
}

func (c *config) setMessageSize(value string) error {
	size, err := strconv.Atoi(value)
	if err != nil {
		return errors.New("must be a whole number of bytes")
	}
	if err := checkMessageSize(size); err != nil {
		return err
	}
	c.maxMessageSize = size
	return nil
}

func (c *config) setDataFile(value string) error {
	named := tracepoint.Source{Path: value}
	if err := named.Supported(); err != nil {
		return err
	}
	c.source = named
	return nil
}

func (c *config) setTemporality(value string) error {
	switch strings.ToLower(value) {
	case "cumulative":
		c.temporality = sdkmetric.CumulativeTemporalitySelector
	case "delta":
		c.temporality = sdkmetric.DeltaTemporalitySelector
	case "lowmemory":
		c.temporality = sdkmetric.LowMemoryTemporalitySelector
	default:
		return errors.New("must be cumulative, delta or lowmemory")
	}
	return nil
}

func (c *config) setAggregation(value string) error {
	switch strings.ToLower(value) {
	case "explicit_bucket_histogram":
		c.aggregation = sdkmetric.DefaultAggregationSelector
	case "base2_exponential_bucket_histogram":
		c.aggregation = exponentialAggregation
	default:
		return errors.New("must be explicit_bucket_histogram or base2_exponential_bucket_histogram")
	}
	return nil
}

// exponentialAggregation has the defaults that the specification gives for this aggregation.
func exponentialAggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	if kind == sdkmetric.InstrumentKindHistogram {
		return sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
	}
	return sdkmetric.DefaultAggregationSelector(kind)
}

func setMilliseconds(duration *time.Duration, value string) error {
	const most = math.MaxInt64 / int64(time.Millisecond)
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil || number <= 0 || number > most {
		return errors.New("must be a whole number of milliseconds above 0")
	}
	*duration = time.Duration(number) * time.Millisecond
	return nil
}
