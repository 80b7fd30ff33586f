// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// splitter converts the data points of one metric, of type P, to runs of
// integers (I) and of other numbers (F), as the SDK keeps these apart.
type splitter[P, I, F any] struct {
	integer func(P) bool
	toInt   func(P) (I, error)
	toFloat func(P) (F, error)
	ints    func([]I) metricdata.Aggregation
	floats  func([]F) metricdata.Aggregation
}

func (s splitter[P, I, F]) split(n int, at func(int) P) (out []metricdata.Aggregation, err error) {
	var is []I
	var fs []F
	flush := func() {
		if is != nil {
			out = append(out, s.ints(is))
		}
		if fs != nil {
			out = append(out, s.floats(fs))
		}
		is, fs = nil, nil
	}
	for i := range n {
		p := at(i)
		if s.integer(p) {
			if fs != nil {
				flush()
			}
			var x I
			x, err = s.toInt(p)
			is = append(is, x)
		} else {
			if is != nil {
				flush()
			}
			var x F
			x, err = s.toFloat(p)
			fs = append(fs, x)
		}
		if err != nil {
			return nil, fmt.Errorf("data point %d: %w", i, err)
		}
	}
	flush()
	return out, nil
}
