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
)

// The variables that the SDK's periodic reader reads.
const (
	envInterval = "OTEL_METRIC_EXPORT_INTERVAL"
	envTimeout  = "OTEL_METRIC_EXPORT_TIMEOUT"
)

func (c readerConfig) withEnvironment() readerConfig {
	for _, variable := range []struct {
		name  string
		value *time.Duration
	}{
		{envInterval, &c.interval},
		{envTimeout, &c.timeout},
	} {
		text := strings.TrimSpace(os.Getenv(variable.name))
		if text == "" {
			continue
		}
		value, err := parseMilliseconds(text)
		if err != nil {
			otel.Handle(fmt.Errorf("usereventsmetric: %s=%q is ignored: %w", variable.name, text, err))
			continue
		}
		*variable.value = value
	}
	return c
}

func parseMilliseconds(text string) (time.Duration, error) {
	const most = math.MaxInt64 / int64(time.Millisecond)
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number <= 0 || number > most {
		return 0, errors.New("a whole number of milliseconds above 0 is needed")
	}
	return time.Duration(number) * time.Millisecond, nil
}
