// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"fmt"
	"strings"

	"go.opentelemetry.io/otel/attribute"
)

// maxKeyInError bounds what an error repeats of an attribute's key, in bytes.
const maxKeyInError = 100

// tooLarge says which part of a message takes how much, and names the largest of the attributes in it. The parts reach
// from the resource to level l, and to a data point if p is not nil; point is the size of its field.
func (e *Encoder) tooLarge(l level, p dataPoint, point int) error {
	scope := &e.metrics.ScopeMetrics[e.scope].Scope
	total := e.headers.messageSize(l, max(point, smallestPoint))

	var text strings.Builder
	fmt.Fprintf(&text, "%d bytes with its headers, at most %d fit: resource %d", total, MaxMessageSize, e.headers.size(levelResource))
	largest := biggest{}
	largest.look("resource", e.metrics.Resource.Set())
	if l >= levelScope {
		fmt.Fprintf(&text, ", scope %d", e.headers.size(levelScope))
		largest.look("scope", &scope.Attributes)
	}
	if l >= levelMetric {
		fmt.Fprintf(&text, ", name, description and unit %d", e.headers.size(levelMetric))
	}
	if p != nil {
		fmt.Fprintf(&text, ", data point without exemplars %d", point)
		largest.look("data point", p.attributes())
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

func (b *biggest) look(owner string, set *attribute.Set) {
	if key, size := largestAttribute(set); size > b.size {
		b.owner, b.key, b.size = owner, shorten(key), size
	}
}

func shorten(key string) string {
	if len(key) > maxKeyInError {
		return key[:maxKeyInError] + "..."
	}
	return key
}

// headersTooLarge is the one reason for every data point that the header of level l leaves no room for.
func (e *Encoder) headersTooLarge(l level) error {
	if e.headerErrors[l] == nil {
		e.headerErrors[l] = e.tooLarge(l, nil, 0)
	}
	return e.headerErrors[l]
}
