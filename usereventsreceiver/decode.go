// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// From the semantic conventions, whose Go package has another path in each version.
const (
	serviceInstanceID     = "service.instance.id"
	processPID            = "process.pid"
	processExecutableName = "process.executable.name"
)

// decoder converts payloads to metrics.
type decoder struct {
	instanceIDs bool
	fromProcess ResourceFromProcess
	// upDown is the temporality of non-monotonic sums that have none.
	upDown pmetric.AggregationTemporality
}

// decoded is what a batch was decoded to.
type decoded struct {
	metrics pmetric.Metrics
	// bad are the indices of payloads that are not OTLP, and errs why.
	bad  []int
	errs []error
	// withoutID is how many resources have no service.instance.id, though they should.
	withoutID int
	// claims counts resources by what became of their claim to be a process. An event with one that was found to be
	// false is foreign, and claims to be of the process claimed.
	claims  map[string]int
	foreign *entry
	claimed string
	// unspecified counts data points that came with no temporality, by the one that they have now.
	unspecified map[pmetric.AggregationTemporality]int
}

// decode makes one pmetric.Metrics of a batch, in order and unchanged, except for what is added to resources and the
// temporality of sums that have none.
func (d *decoder) decode(batch []entry) decoded {
	out := decoded{
		metrics: pmetric.NewMetrics(), claims: map[string]int{}, unspecified: map[pmetric.AggregationTemporality]int{},
	}
	for i := range batch {
		e := &batch[i]
		request := pmetricotlp.NewExportRequest()
		if err := request.UnmarshalProto(e.payload); err != nil {
			out.bad = append(out.bad, i)
			out.errs = append(out.errs, err)
			continue
		}
		resources := request.Metrics().ResourceMetrics()
		for _, r := range resources.All() {
			attributes := r.Resource().Attributes()
			if claim := d.fromProcess.applyProcess(attributes, e); claim != "" {
				out.claims[claim]++
				if claim == claimForeign {
					pid, _ := attributes.Get(processPID)
					out.foreign, out.claimed = e, pid.AsString()
				}
			}
			if d.instanceIDs && !addInstanceID(attributes, e) {
				out.withoutID++
			}
			for _, scope := range r.ScopeMetrics().All() {
				for _, metric := range scope.Metrics().All() {
					if points, now := d.setTemporality(metric); points > 0 {
						out.unspecified[now] += points
					}
				}
			}
		}
		resources.MoveAndAppendTo(out.metrics.ResourceMetrics())
	}
	return out
}

// setTemporality sets the temporality of a non-monotonic sum that has none. Where a metric came without, it returns how
// many data points it has, and the temporality now.
func (d *decoder) setTemporality(metric pmetric.Metric) (points int, now pmetric.AggregationTemporality) {
	const unspecified = pmetric.AggregationTemporalityUnspecified
	switch metric.Type() {
	case pmetric.MetricTypeSum:
		sum := metric.Sum()
		if sum.AggregationTemporality() == unspecified {
			if !sum.IsMonotonic() {
				sum.SetAggregationTemporality(d.upDown)
			}
			return sum.DataPoints().Len(), sum.AggregationTemporality()
		}
	case pmetric.MetricTypeHistogram:
		if metric.Histogram().AggregationTemporality() == unspecified {
			return metric.Histogram().DataPoints().Len(), unspecified
		}
	case pmetric.MetricTypeExponentialHistogram:
		if metric.ExponentialHistogram().AggregationTemporality() == unspecified {
			return metric.ExponentialHistogram().DataPoints().Len(), unspecified
		}
	}
	return 0, unspecified
}

// addInstanceID reports whether the resource has an instance id now.
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
