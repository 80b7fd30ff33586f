// SPDX-License-Identifier: Apache-2.0

// Package otlptest reads OTLP messages back, for tests.
package otlptest

import (
	"fmt"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Decode parses one serialized ExportMetricsServiceRequest, which must hold the metrics of exactly one resource and no
// field that OTLP does not know.
func Decode(message []byte) (*metricspb.ResourceMetrics, error) {
	// MetricsData is the same on the wire; the request's own package depends on gRPC.
	var data metricspb.MetricsData
	if err := proto.Unmarshal(message, &data); err != nil {
		return nil, err
	}
	if err := CheckKnown(data.ProtoReflect()); err != nil {
		return nil, err
	}
	if n := len(data.ResourceMetrics); n != 1 {
		return nil, fmt.Errorf("%d resources in one message", n)
	}
	return data.ResourceMetrics[0], nil
}

// CheckKnown fails if there is an unknown field in m or in a message inside it.
func CheckKnown(m protoreflect.Message) error {
	if unknown := m.GetUnknown(); len(unknown) > 0 {
		return fmt.Errorf("unknown fields in %s: %x", m.Descriptor().FullName(), unknown)
	}
	var err error
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < value.List().Len() && err == nil; i++ {
				err = CheckKnown(value.List().Get(i).Message())
			}
		default:
			err = CheckKnown(value.Message())
		}
		return err == nil
	})
	return err
}
