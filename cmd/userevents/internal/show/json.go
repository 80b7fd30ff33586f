// SPDX-License-Identifier: Apache-2.0

package show

import (
	"io"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// jsonLines writes an OTLP/JSON request a line, as the Collector's file exporter
// does and its otlpjsonfile receiver reads.
type jsonLines struct{ w io.Writer }

// NewJSON returns a view with an OTLP/JSON request on a line for each event.
func NewJSON(w io.Writer) View { return &jsonLines{w} }

func (v *jsonLines) Event(ev *Event) error {
	payload := ev.Payload
	if ev.Reduced {
		var err error
		if payload, err = proto.Marshal(ev.Data); err != nil {
			return err
		}
	}
	metrics, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(payload)
	if err != nil {
		return err
	}
	text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(metrics)
	if err != nil {
		return err
	}
	_, err = v.w.Write(append(safetext.JSON(text), '\n')) // a whole line at once
	return err
}

func (v *jsonLines) Every() time.Duration { return 0 }
func (v *jsonLines) Draw(Status) error    { return nil }
func (v *jsonLines) Close(Status) error   { return nil }
