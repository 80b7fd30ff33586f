// SPDX-License-Identifier: Apache-2.0

package top

// helpLines are at most 78 cells wide and 20 lines, for a terminal of 80x24.
var helpLines = []string{
	"up down k j        a series up or down      PgUp PgDn    a page",
	"Home End g G       the first, the last      Enter right  the series in detail",
	"/                  filter: words, each of which is in the service, metric,",
	"                   attributes, pid or process; with * or ? it is the whole of",
	"                   it, or of an attribute. Enter keeps it, Esc clears it",
	"s S or 1 to 6      sort by service, metric, value, rate, last seen, pid",
	"r                  reverse the order",
	"p or space         pause: the list holds, while reading and the counts go on",
	"Esc left           back      ? help      Ctrl-Z suspend      q Ctrl-C quit",
	"",
	"VALUE   the last value; + an increase since the export before;",
	"        p99= of a histogram, in the last interval",
	"RATE/s  of a counter by how much, of a histogram how often, each second",
	"TREND   the rate, from zero; where there is none, the value, from its least",
	"AGE     since the last point. Dim: none for three intervals and 10 seconds;",
	"        after ten intervals and 5 minutes (an hour at most) it is dropped",
	"lost    events that the kernel had no room for, as we were too slow;",
	"        gaps: times in which a CPU had no ring; undecodable: not OTLP",
	"At most 20000 series or 48 MiB are kept: past it, those without a point for",
	"the longest time are evicted, and counted",
}
