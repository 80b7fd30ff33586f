// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import "time"

const (
	// A reason that comes and goes, or that takes turns with another, is not told again for so long.
	reportAgainAfter = time.Hour
	// So many reasons are remembered; there are not many more.
	rememberedReasons = 16
)

// reports decides which reasons for not exporting are told. Told is one that differs from the reason before it, unless the
// same was told less than an hour ago: so each is told once, and none floods the log, however often it comes back.
type reports struct {
	last string               // "" while nothing is wrong
	told map[string]time.Time // by reason
}

// due says whether reason is to be told now, and remembers that it is.
func (r *reports) due(reason string, now time.Time) bool {
	same := reason == r.last
	r.last = reason
	if same {
		return false
	}
	if before, known := r.told[reason]; known && now.Sub(before) < reportAgainAfter {
		return false
	}
	if r.told == nil {
		r.told = make(map[string]time.Time)
	}
	if len(r.told) >= rememberedReasons {
		r.forgetOldest()
	}
	r.told[reason] = now
	return true
}

func (r *reports) forgetOldest() {
	var oldest string
	for reason, at := range r.told {
		if oldest == "" || at.Before(r.told[oldest]) {
			oldest = reason
		}
	}
	delete(r.told, oldest)
}

// healed notes that nothing is wrong any more.
func (r *reports) healed() { r.last = "" }
