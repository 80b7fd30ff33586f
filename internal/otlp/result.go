// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"errors"
	"reflect"
)

// Why data points or exemplars were not written. Each is wrapped with the details.
var (
	// ErrTooLarge says that a data point with its headers takes more than MaxMessageSize even without exemplars.
	ErrTooLarge = errors.New("too large for one message")
	// ErrUnsupported says that OTLP has no place for the metric's data or temporality.
	ErrUnsupported = errors.New("unsupported metric data")
	// ErrExemplarsLeftOut says that points were written without their exemplars, with which they take more than
	// MaxMessageSize.
	ErrExemplarsLeftOut = errors.New("exemplars left out")
)

// Result is what became of one export: each of its data points is in Points or in DroppedPoints.
type Result struct {
	Messages         int   // messages that the sink accepted
	Points           int   // data points in them
	Bytes            int64 // OTLP bytes in them, the headroom not included
	Oversize         int   // of Points, those written alone in a message above the limit
	ExemplarsDropped int   // exemplars left out of Points so that their point fits

	// Dropped says what was not written, in order. It has one entry for each reason of each metric, at most MaxDrops,
	// and is nil when everything was written.
	Dropped         []Drop
	DroppedPoints   int // data points not written, listed in Dropped or not
	Unlisted        int // of DroppedPoints, those that are not listed
	UnlistedMetrics int // metrics with data of an unknown kind that are not listed
}

// MaxDrops bounds Result.Dropped.
const MaxDrops = 64

// Drop is what was left out of one metric for one reason.
type Drop struct {
	Scope, Metric string
	// Points were not written. It is 0 where only exemplars were left out, or where data of an unknown kind has nothing
	// to count.
	Points int
	// Exemplars were left out of points that were written.
	Exemplars int
	// Err matches ErrTooLarge, ErrUnsupported or ErrExemplarsLeftOut, or is what the sink returned. Its details are
	// those of the first point.
	Err error
}

// dropKey identifies an entry of Result.Dropped: metrics of one name are not one metric.
type dropKey struct {
	scope, metric int   // indices
	reason        error // one of the sentinels, or what the sink returned
}

// drop adds to the entry of one reason of one metric. Details are asked for only when there is a new entry to make.
func (e *Encoder) drop(key dropKey, points, exemplars int, details func() error) {
	e.result.DroppedPoints += points
	e.result.ExemplarsDropped += exemplars
	for i := len(e.dropKeys) - 1; i >= 0; i-- {
		if e.dropKeys[i].same(key) {
			e.result.Dropped[i].Points += points
			e.result.Dropped[i].Exemplars += exemplars
			return
		}
	}
	if len(e.dropKeys) == MaxDrops {
		e.result.Unlisted += points
		if points == 0 && exemplars == 0 {
			e.result.UnlistedMetrics++
		}
		return
	}
	scope := &e.metrics.ScopeMetrics[key.scope]
	e.dropKeys = append(e.dropKeys, key)
	e.result.Dropped = append(e.result.Dropped, Drop{
		Scope:     scope.Scope.Name,
		Metric:    scope.Metrics[key.metric].Name,
		Points:    points,
		Exemplars: exemplars,
		Err:       details(),
	})
}

func (k dropKey) same(o dropKey) bool {
	return k.scope == o.scope && k.metric == o.metric && sameError(k.reason, o.reason)
}

// sameError reports whether a and b say the same to a person. Errors of a type that Go cannot compare are compared by
// their text.
func sameError(a, b error) bool {
	if reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b {
		return true
	}
	return a.Error() == b.Error()
}
