// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// noNumber stands where there is none.
const noNumber = "-"

// short writes a number in at most seven cells, and one more for a minus: three
// digits and a multiplier where it is large, three significant digits or less
// where it is not whole.
func short(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return noNumber
	case a < 99_999.5 && x == math.Trunc(x):
		return strconv.FormatFloat(x, 'f', 0, 64)
	case a < 1e-99 || a >= 1e99: // infinities, too
		return strconv.FormatFloat(x, 'g', 1, 64)
	case a < 0.00099995 || a >= 999.4e18:
		return strconv.FormatFloat(x, 'g', 2, 64)
	}
	i := 0
	for ; math.Abs(x) >= 999.5; i++ {
		x /= 1000
	}
	return significant(x) + []string{"", "k", "M", "G", "T", "P", "E"}[i]
}

// significant writes three significant digits of a number below 1000.
func significant(x float64) string {
	if math.Abs(x) < 0.9995 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	return strings.TrimSuffix(fmt.Sprintf("%#.3g", x), ".")
}

// count writes a number of things.
func count(n uint64) string { return short(float64(n)) }

// ago writes a time span in at most four cells, rounded down.
func ago(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 100*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(min(int(d/(24*time.Hour)), 999)) + "d"
}

// span writes the length of an interval.
func span(d time.Duration) string {
	if d < time.Minute {
		return short(d.Seconds()) + " s"
	}
	return d.Round(time.Second).String()
}
