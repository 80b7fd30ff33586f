// SPDX-License-Identifier: Apache-2.0

// Package checkstorage is a part of the Collector beside the receiver: before it starts, and in "validate", it finds
// storage extensions that a configuration names and does not start. A component cannot, as it sees its own part of the
// configuration only.
package checkstorage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// NewFactory returns the factory of a converter that changes nothing and fails where a receiver's storage or an
// exporter's sending_queue::storage is not in service::extensions. What is in no pipeline is not started, so
// it needs none.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return converter{} })
}

type converter struct{}

// keys are where a component's settings name a storage extension, by the kind of component.
var keys = map[string]string{"receivers": "storage", "exporters": "sending_queue::storage"}

func (converter) Convert(_ context.Context, conf *confmap.Conf) error {
	started, _ := conf.Get("service::extensions").([]any)
	var errs []error
	for _, kind := range slices.Sorted(maps.Keys(keys)) {
		components, _ := conf.Get(kind).(map[string]any)
		used := inPipelines(conf, kind)
		for _, id := range slices.Sorted(maps.Keys(components)) {
			if !slices.Contains(used, any(id)) {
				continue
			}
			path := strings.Join([]string{kind, id, keys[kind]}, confmap.KeyDelimiter)
			// What is no text the component finds itself.
			if storage, ok := conf.Get(path).(string); ok && !slices.Contains(started, any(storage)) {
				errs = append(errs,
					fmt.Errorf("%s: %v: must be in service::extensions, which has %v", path, storage, started))
			}
		}
	}
	return errors.Join(errs...)
}

// inPipelines are the IDs of one kind that pipelines have.
func inPipelines(conf *confmap.Conf, kind string) (ids []any) {
	pipelines, _ := conf.Get("service::pipelines").(map[string]any)
	for _, pipeline := range pipelines {
		components, _ := pipeline.(map[string]any)
		of, _ := components[kind].([]any)
		ids = append(ids, of...)
	}
	return ids
}
