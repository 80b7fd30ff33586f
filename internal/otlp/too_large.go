// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// pointTooLarge is the reason for a data point whose field takes size bytes without exemplars.
func (e *Encoder) pointTooLarge(p dataPoint, size int) error {
	total := e.headers.messageSize(levelData, size)
	return e.tooLarge(fmt.Sprintf("a data point takes %d bytes with its headers", total), levelMetric, p, size)
}

// headersTooLarge is the one reason for all data points that the headers as far as level l leave no room for.
func (e *Encoder) headersTooLarge(l level) error {
	if e.headerErrors[l] == nil {
		e.headerErrors[l] = e.tooLarge("its headers leave no room for a data point", l, nil, 0)
	}
	return e.headerErrors[l]
}

// tooLarge adds to what is wrong which part takes how many bytes, and the largest of the attributes in them. The parts
// are the headers as far as level l and p, if it is not nil.
func (e *Encoder) tooLarge(what string, l level, p dataPoint, size int) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s, at most %d fit: resource %d", what, MaxMessageSize, e.headers.size(levelResource))
	largest := biggest{}
	largest.consider("resource", e.metrics.Resource.Set())
	if l >= levelScope {
		fmt.Fprintf(&text, ", scope %d", e.headers.size(levelScope))
		largest.consider("scope", &e.metrics.ScopeMetrics[e.scope].Scope.Attributes)
	}
	if l >= levelMetric {
		fmt.Fprintf(&text, ", name, description and unit %d", e.headers.size(levelMetric))
	}
	if p != nil {
		fmt.Fprintf(&text, ", data point without exemplars %d", size)
		largest.consider("data point", p.attributes())
	}
	if largest.size > 0 {
		fmt.Fprintf(&text, "; largest attribute: %q of the %s, %d bytes", largest.key, largest.owner, largest.size)
	}
	return fmt.Errorf("%w: %s", ErrTooLarge, text.String())
}

// biggest finds the largest attribute of several sets.
type biggest struct {
	owner, key string
	size       int
}

func (b *biggest) consider(owner string, set *attribute.Set) {
	if key, size := largestAttribute(set); size > b.size {
		b.owner, b.key, b.size = owner, Shorten(key), size
	}
}

// Shorten bounds what an error repeats of a name or key, so that it does not fill a log line: 100 bytes, and "...".
func Shorten(name string) string {
	const most = 100
	if len(name) <= most {
		return name
	}
	return name[:most] + "..."
}
