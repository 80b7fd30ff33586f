// SPDX-License-Identifier: Apache-2.0

// Package iterate makes iterators of readers.
package iterate

import (
	"errors"
	"io"
	"iter"
)

// Events yields what read puts into an event, the same one each time, and ends
// when it returns io.EOF. Another error is yielded last, with nil.
func Events[E any](read func(*E) error) iter.Seq2[*E, error] {
	return func(yield func(*E, error) bool) {
		var ev E
		for {
			err := read(&ev)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, err)
				return
			case !yield(&ev, nil):
				return
			}
		}
	}
}
