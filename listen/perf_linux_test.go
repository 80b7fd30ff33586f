// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where the records are is what the kernel says, whatever the size of a page.
func TestDataArea(t *testing.T) {
	mapping := make([]byte, 64<<10+256<<10)
	for _, tt := range []struct {
		name           string
		offset, length uint64
		ok             bool
	}{
		{"pages of 4 KiB", 4 << 10, 256 << 10, true},
		{"pages of 64 KiB", 64 << 10, 256 << 10, true},
		{"an area smaller than the rest", 4 << 10, 128 << 10, true},
		{"none", 64 << 10, 0, false},
		{"not a power of two", 4 << 10, 100 << 10, false},
		{"beyond the end", 68 << 10, 256 << 10, false},
		{"an offset beyond the end", 1 << 20, 4 << 10, false},
		{"a sum that overflows", math.MaxUint64 - 100, 128, false},
		{"a length that overflows", 4 << 10, 1 << 63, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			area, err := dataArea(mapping, tt.offset, tt.length)
			if !tt.ok {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			assert.Len(t, area, int(tt.length))
			assert.Equal(t, int(tt.length), cap(area))
			assert.Same(t, &mapping[tt.offset], &area[0])
		})
	}
}
