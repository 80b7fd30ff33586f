// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

func TestReaderEnvironmentAndOptions(t *testing.T) {
	times := func(interval, timeout time.Duration) readerConfig {
		return readerConfig{interval: interval, timeout: timeout, settleDelay: 500 * time.Millisecond}
	}
	for _, test := range []struct {
		name              string
		interval, timeout string // the variables
		opts              []ReaderOption
		want              readerConfig
		reported          []string
	}{
		{
			name: "nothing is set",
			want: times(time.Minute, 30*time.Second),
		},
		{
			name: "variables", interval: "1500", timeout: " 200 ",
			want: times(1500*time.Millisecond, 200*time.Millisecond),
		},
		{
			name: "options win", interval: "1500", timeout: "200",
			opts: []ReaderOption{WithInterval(time.Hour), WithTimeout(time.Second)},
			want: times(time.Hour, time.Second),
		},
		{
			name: "options that say nothing", interval: "1500", timeout: "200",
			opts: []ReaderOption{WithInterval(0), WithInterval(-1), WithTimeout(0), WithTimeout(-1)},
			want: times(1500*time.Millisecond, 200*time.Millisecond),
		},
		{
			name: "no numbers", interval: "1m", timeout: "1.5",
			want:     times(time.Minute, 30*time.Second),
			reported: []string{`OTEL_METRIC_EXPORT_INTERVAL="1m"`, `OTEL_METRIC_EXPORT_TIMEOUT="1.5"`},
		},
		{
			name: "not above 0", interval: "0", timeout: "-5",
			want:     times(time.Minute, 30*time.Second),
			reported: []string{`OTEL_METRIC_EXPORT_INTERVAL="0"`, `OTEL_METRIC_EXPORT_TIMEOUT="-5"`},
		},
		{
			name: "more than a duration can be", interval: "9223372036855", timeout: "9223372036854775808",
			want:     times(time.Minute, 30*time.Second),
			reported: []string{"OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"},
		},
		{
			name: "as much as a duration can be", interval: "9223372036854", timeout: "1",
			want: times(9223372036854*time.Millisecond, time.Millisecond),
		},
		{
			name: "blank", interval: " ", timeout: "",
			want: times(time.Minute, 30*time.Second),
		},
		{
			name: "the settle delay and the backlog",
			opts: []ReaderOption{WithSettleDelay(0), WithSettleDelay(-1), WithoutBacklog()},
			want: readerConfig{interval: time.Minute, timeout: 30 * time.Second, settleDelay: 0, discardBacklog: true},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			handled := metrictest.CatchErrors(t)
			t.Setenv(envInterval, test.interval)
			t.Setenv(envTimeout, test.timeout)
			assert.Equal(t, test.want, newReaderConfig(test.opts))
			require.Len(t, handled.All(), len(test.reported))
			for i, text := range test.reported {
				assert.ErrorContains(t, handled.All()[i], text)
				assert.ErrorContains(t, handled.All()[i], "milliseconds")
			}
		})
	}
}

// An interval of centuries does not overflow into one of nothing.
func TestReaderWithTheLongestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithInterval(1<<63-1), WithTimeout(1<<63-1), WithSettleDelay(0))
		s.attach()
		s.pass(time.Hour)
		assert.Equal(t, 1, s.cycles())
	})
}

func TestReaderWithoutExporter(t *testing.T) {
	assert.PanicsWithValue(t, "usereventsmetric: NewReader needs an exporter, not nil", func() { NewReader(nil) })
}

func TestReaderMarshalLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithInterval(time.Second))
		text := fmt.Sprintf("%+v", s.reader.MarshalLog())
		for _, part := range []string{
			"Type:usereventsmetric.Reader", "Registered:true", "Shutdown:false", "Interval:1s", "Timeout:30s",
			"SettleDelay:500ms", "Backlog:true",
		} {
			assert.Contains(t, text, part)
		}
		require.NoError(t, s.reader.Shutdown(t.Context()))
		assert.Contains(t, fmt.Sprintf("%+v", s.reader.MarshalLog()), "Shutdown:true")
	})
}
