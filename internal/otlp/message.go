// SPDX-License-Identifier: Apache-2.0

package otlp

// message is the one that is being filled. Up to four levels are open at its end, and the next data point goes into the
// innermost:
//
//	ResourceMetrics{ resource, ScopeMetrics{ scope, Metric{ name, ..., Sum{ temporality, point, point, ...
type message struct {
	w      writer
	open   level       // how many levels are open
	starts [levels]int // where the content of each open level starts
	points int

	// The bytes that the length of the latest data point took, since the next one is likely to take as many: a wrong
	// guess moves the point.
	pointLength int
}

// longLength is the number of bytes set aside for the length of an open level: nearly always 128 or more, never above
// MaxMessageSize.
const longLength = 2

// bufferSize leaves room for the lengths of a data point and of open levels that will need one byte only. In a message
// that fills it, the outermost level needs two.
const bufferSize = MaxMessageSize + int(levels)

// position is a place in a message to come back to.
type position struct {
	n    int
	open level
}

func (m *message) position() position { return position{m.w.n, m.open} }

// rewind takes back what was appended since p was taken. No level may have been closed in between.
func (m *message) rewind(p position) { m.w.n, m.open = p.n, p.open }

func (m *message) reset() { m.w.n, m.open, m.points = 0, 0, 0 }

// append opens the levels that are missing, appends p and returns the bytes that the point takes by itself. If it does
// not fit, the message is of no use until it is rewound, but the sizes are right.
func (m *message) append(h *headers, p dataPoint, exemplars bool) int {
	for ; m.open < levels; m.open++ {
		m.starts[m.open] = m.w.begin(h.field[m.open], longLength)
		m.w.raw(h.encoded(m.open))
	}
	before := m.w.n
	content := m.w.begin(dataPoints, m.pointLength)
	p.encode(&m.w, exemplars)
	m.pointLength = min(m.w.end(content, m.pointLength), longLength)
	return m.w.n - before
}

// close completes all levels from l inwards.
func (m *message) close(l level) {
	for m.open > l {
		m.open--
		m.w.end(m.starts[m.open], longLength)
	}
}

// fits reports whether the message, once its levels are closed, measures at most limit bytes. Nearly always n
// suffices: what is set aside for the lengths of the levels is enough.
func (m *message) fits(limit int) bool {
	return m.w.n <= limit || m.size() <= limit
}

// size returns what the message will measure when all its levels are closed.
func (m *message) size() int {
	n := m.w.n
	for l := m.open - 1; l >= 0; l-- {
		n += sizeVarint(uint64(n-m.starts[l])) - longLength
	}
	return n
}
