// SPDX-License-Identifier: Apache-2.0

package source

import "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"

// Key is the identity of a series: a digest of what distinguishes series, so
// that it takes the same memory for each.
type Key [16]byte

// Key returns the identity of the point's series: the attributes and schema of
// the resource; name, version, schema and attributes of the scope; the metric's
// name, unit, kind and temporality; and the point's attributes. Attributes are
// compared with the types of their values, and in any order. The process and the
// tracepoint are not in it.
func (p *Point) Key() Key {
	if *p.metricKey == (Key{}) {
		scope := p.Scope.Scope()
		*p.metricKey = pdatautil.Hash(
			pdatautil.WithMap(p.Resource.Resource().Attributes()), pdatautil.WithString(p.Resource.SchemaUrl()),
			pdatautil.WithString(scope.Name()), pdatautil.WithString(scope.Version()),
			pdatautil.WithString(p.Scope.SchemaUrl()), pdatautil.WithMap(scope.Attributes()),
			pdatautil.WithString(p.Metric.Name()), pdatautil.WithString(p.Metric.Unit()),
			pdatautil.WithString(p.Type()))
	}
	return pdatautil.Hash(pdatautil.WithString(string(p.metricKey[:])), pdatautil.WithMap(p.Data.Attributes()))
}
