// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"math"
	"slices"
)

// order is what the list is sorted by.
type order int

const (
	byService order = iota
	byMetric
	byValue
	byRate
	bySeen
	byPID
	orders
)

func (o order) String() string {
	return [...]string{"service", "metric", "value", "rate", "last seen", "pid"}[o]
}

// column is the column that the order is of.
func (o order) column() columnID {
	return [...]columnID{columnService, columnMetric, columnValue, columnRate, columnAge, columnPID}[o]
}

// sorter sorts rows. Numbers come from the greatest, texts from the first, the
// series heard of most recently first; reverse is the other way around. Series
// without the number are last either way.
type sorter struct {
	by      order
	reverse bool
}

func (s sorter) compare(a, b *row) int {
	var c int
	switch s.by {
	case byService:
		return s.turn(cmp.Or(cmp.Compare(a.id.service, b.id.service), byName(a, b)))
	case byMetric:
		return s.turn(byName(a, b))
	case byValue:
		c = s.numbers(a.value, b.value)
	case byRate:
		c = s.numbers(a.rate, b.rate)
	case bySeen:
		c = s.turn(cmp.Compare(b.seen, a.seen))
	case byPID:
		c = s.turn(cmp.Compare(a.id.key.pid, b.id.key.pid))
	}
	return cmp.Or(c, byName(a, b))
}

func (s sorter) turn(c int) int {
	if s.reverse {
		return -c
	}
	return c
}

func (s sorter) numbers(a, b float64) int {
	an, bn := math.IsNaN(a), math.IsNaN(b)
	switch {
	case an && bn:
		return 0
	case an:
		return 1
	case bn:
		return -1
	}
	return s.turn(cmp.Compare(b, a))
}

// byName is an order that does not change with updates.
func byName(a, b *row) int {
	return cmp.Or(
		cmp.Compare(a.id.metric, b.id.metric),
		cmp.Compare(a.id.attributes, b.id.attributes),
		cmp.Compare(a.id.service, b.id.service),
		cmp.Compare(a.id.key.pid, b.id.key.pid),
		cmp.Compare(a.id.number, b.id.number),
	)
}

// list is which rows are shown, in which order.
type list struct {
	rows []row // by slot
	// sorted are the slots of all rows, as they were sorted last: most of it
	// stays as it is from one time to the next.
	sorted []int32
	shown  []int32 // those of sorted that match
	placed []*identity
}

// arrange sorts and filters anew.
func (l *list) arrange(s sorter, m *matcher) {
	// Slots keep their place while they have the same series.
	kept := l.sorted[:0]
	for _, slot := range l.sorted {
		if int(slot) < len(l.rows) && l.rows[slot].id != nil && l.rows[slot].id == l.placed[slot] {
			kept = append(kept, slot)
			continue
		}
		l.placed[slot] = nil
	}
	for len(l.placed) < len(l.rows) {
		l.placed = append(l.placed, nil)
	}
	for slot := range l.rows {
		if id := l.rows[slot].id; id != nil && l.placed[slot] != id {
			l.placed[slot] = id
			kept = append(kept, int32(slot))
		}
	}
	l.sorted = kept
	slices.SortFunc(l.sorted, func(a, b int32) int { return s.compare(&l.rows[a], &l.rows[b]) })
	l.match(m)
}

// match filters anew.
func (l *list) match(m *matcher) {
	l.shown = l.shown[:0]
	for _, slot := range l.sorted {
		if m.matches(int(slot), l.rows[slot].id) {
			l.shown = append(l.shown, slot)
		}
	}
}

// at is the row at a place of what is shown.
func (l *list) at(i int) *row { return &l.rows[l.shown[i]] }

// slotOf is the slot of a series, or -1.
func (l *list) slotOf(id *identity) int {
	return slices.Index(l.placed, id)
}

// find is the place of a series in what is shown, or -1.
func (l *list) find(id *identity) int {
	if id == nil {
		return -1
	}
	return slices.IndexFunc(l.shown, func(slot int32) bool { return l.rows[slot].id == id })
}
