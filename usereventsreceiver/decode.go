// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// Of the semantic conventions, whose Go package changes its path with each version.
const (
	serviceInstanceID     = "service.instance.id"
	processPID            = "process.pid"
	processExecutableName = "process.executable.name"
)

// decoder makes metrics of payloads.
type decoder struct {
	instanceIDs bool
	fromProcess bool
}

// decoded is what became of a batch.
type decoded struct {
	metrics pmetric.Metrics
	// bad are the indices of payloads that are not OTLP, and errs why.
	bad  []int
	errs []error
	// withoutID is how many resources have no service.instance.id, though they should.
	withoutID int
}

// decode makes one pmetric.Metrics of a batch, in its order. Everything is as it was sent, but for what is added to resources.
func (d *decoder) decode(batch []entry) decoded {
	out := decoded{metrics: pmetric.NewMetrics()}
	for i := range batch {
		e := &batch[i]
		request := pmetricotlp.NewExportRequest()
		if err := request.UnmarshalProto(e.payload); err != nil {
			out.bad = append(out.bad, i)
			out.errs = append(out.errs, err)
			continue
		}
		resources := request.Metrics().ResourceMetrics()
		for r := range resources.Len() {
			attributes := resources.At(r).Resource().Attributes()
			if d.fromProcess {
				addProcess(attributes, e)
			}
			if d.instanceIDs && !addInstanceID(attributes, e) {
				out.withoutID++
			}
		}
		resources.MoveAndAppendTo(out.metrics.ResourceMetrics())
	}
	return out
}

// addInstanceID reports whether the resource has an instance id then.
func addInstanceID(attributes pcommon.Map, e *entry) bool {
	if _, ok := attributes.Get(serviceInstanceID); ok {
		return true
	}
	if e.process == nil || e.process.instance == "" {
		return false
	}
	attributes.PutStr(serviceInstanceID, e.process.instance)
	return true
}

func addProcess(attributes pcommon.Map, e *entry) {
	if e.pid == 0 {
		return
	}
	if _, ok := attributes.Get(processPID); !ok {
		attributes.PutInt(processPID, int64(e.pid))
	}
	name := e.comm
	if e.process != nil {
		name = e.process.name
	}
	if _, ok := attributes.Get(processExecutableName); !ok && name != "" {
		attributes.PutStr(processExecutableName, name)
	}
}
