// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

const (
	envName        = "USEREVENTS_TRACEPOINT_NAME"
	envMessageSize = "USEREVENTS_MAX_MESSAGE_SIZE"
	envDataFile    = "USEREVENTS_DATA_FILE"
	envTemporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
	envAggregation = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
)

// withEnvironment applies the environment. A variable that is blank counts as not set; one with a bad value is reported
// and left out, as the specification asks for: a typing error in a deployment must not stop a service.
func (c config) withEnvironment() config {
	for _, variable := range []struct {
		name  string
		apply func(*config, string) error
	}{
		{envName, (*config).setName},
		{envMessageSize, (*config).setMessageSize},
		{envDataFile, (*config).setDataFile},
		{envTemporality, (*config).setTemporality},
		{envAggregation, (*config).setAggregation},
	} {
		value := strings.TrimSpace(os.Getenv(variable.name))
		if value == "" {
			continue
		}
		if err := variable.apply(&c, value); err != nil {
			otel.Handle(fmt.Errorf("usereventsmetric: %s=%q is ignored: %w", variable.name, value, err))
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
		return errors.New("a whole number of bytes is needed")
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
		return errors.New("cumulative, delta or lowmemory is needed")
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
		return errors.New("explicit_bucket_histogram or base2_exponential_bucket_histogram is needed")
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
