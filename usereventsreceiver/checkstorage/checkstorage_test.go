// SPDX-License-Identifier: Apache-2.0

package checkstorage

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func TestConvert(t *testing.T) {
	const receiver = "receivers::user_events::storage: file_storage: must be in service::extensions, which has "
	for _, test := range []struct{ name, config, want string }{
		{"empty", "", ""},
		{"no storage", "receivers: {user_events: {pids: [1]}, otlp: }\nexporters: {debug: }", ""},
		{"started", "receivers: {user_events: {storage: file_storage}}\nservice: {extensions: [x, file_storage]}", ""},
		{"a null", "receivers: {user_events: {storage: }}", ""},
		{"no extensions", "receivers: {user_events: {storage: file_storage}}", receiver + "[]"},
		{"another", "receivers: {user_events: {storage: file_storage}}\nservice: {extensions: [file_storage/a]}",
			receiver + "[file_storage/a]"},
		{"configured, not started", "receivers: {user_events: {storage: file_storage}}\n" +
			"extensions: {file_storage: }\nservice: {extensions: [x]}", receiver + "[x]"},
		{"a queue", "exporters: {otlp_http/a: {sending_queue: {storage: s}}}",
			"exporters::otlp_http/a::sending_queue::storage: s: must be in service::extensions, which has []"},
		{"in no pipeline", "receivers: {user_events/a: {storage: file_storage}}\n" +
			"exporters: {otlp_http: {sending_queue: {storage: s}}}", ""},
		{"pipelines unlike what is expected", "receivers: {user_events/a: {storage: s}}\n" +
			"service: {pipelines: {metrics/a: 1, metrics/b: {receivers: user_events/a}}}", ""},
		{"storage and extensions that are no texts", "receivers: {user_events: {storage: {a: b}}}\n" +
			"service: {extensions: [{a: b}]}", ""},
		{"unlike what is expected", "receivers: [user_events]\nexporters: 1\nservice: {extensions: x}", ""},
		{"a queue that is none", "exporters: {otlp_http: {sending_queue: 1}, debug: x}", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			text, err := confmap.NewRetrievedFromYAML([]byte(test.config))
			require.NoError(t, err)
			conf, err := text.AsConf()
			require.NoError(t, err)
			require.NoError(t, conf.Merge(confmap.NewFromStringMap(map[string]any{
				"service::pipelines::metrics::receivers": []any{"user_events"},
				"service::pipelines::metrics::exporters": []any{"otlp_http/a", "debug"},
			})))
			before := conf.ToStringMap()
			err = NewFactory().Create(confmap.ConverterSettings{}).Convert(context.Background(), conf)
			if test.want == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, test.want)
			}
			assert.Equal(t, before, conf.ToStringMap())
		})
	}
}

func TestShippedConfiguration(t *testing.T) {
	conf, err := confmaptest.LoadConf("../distribution/config.yaml")
	require.NoError(t, err)
	require.NotNil(t, conf.Get("receivers::user_events::storage"))
	assert.NoError(t, converter{}.Convert(context.Background(), conf))
	conf.Delete("service::extensions")
	assert.Error(t, converter{}.Convert(context.Background(), conf))
}
