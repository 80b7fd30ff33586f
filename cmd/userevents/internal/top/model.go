// SPDX-License-Identifier: Apache-2.0

package top

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
)

// model is what is on the screen. Only Bubble Tea's loop calls its methods.
type model struct {
	screen *Screen
	ended  <-chan struct{} // closed when Run returns

	width, height int

	list      list
	at        time.Duration // of the rows in list
	forgotten uint64
	sorter    sorter
	matcher   matcher

	// The cursor is on a series and goes with it where it is sorted to. At the
	// first line it stays there, whichever series that is.
	cursor   int
	cursorAt *identity // nil: at the first line
	first    int       // line that is on the screen

	typing string // the filter
	edit   bool   // it is being typed
	paused bool
	help   bool
	scroll int  // lines of the help that are above the screen
	detail *row // a copy

	meter  meter
	rates  rates
	status show.Status
}

// tickMsg tells that it is time for a refresh.
type tickMsg struct{}

func newModel(s *Screen) *model {
	m := &model{screen: s, width: 80, height: 24}
	m.refresh()
	return m
}

func (m *model) Init() tea.Cmd { return m.tick() }

// tick waits until it is time for a refresh, or the screen's end.
func (m *model) tick() tea.Cmd {
	return func() tea.Msg {
		timer := time.NewTimer(m.screen.options.Interval)
		defer timer.Stop()
		select {
		case <-timer.C:
			return tickMsg{}
		case <-m.ended:
			return nil
		}
	}
}

// Update is called for each key and each tick, and a View follows it.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tickMsg:
		m.refresh()
		return m, m.tick()
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.place()
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.edit {
			m.typed(msg.Content)
		}
	}
	return m, nil
}

// refresh takes what is new to the screen: all of it, or when paused, the status
// line.
func (m *model) refresh() {
	now := m.screen.clock()
	m.status = m.screen.lastStatus()
	m.rates = m.meter.add(sample{now, m.status.Events, m.status.Points, m.screen.bytes.Load()})
	if m.paused {
		return
	}
	m.at = now
	m.list.rows, m.forgotten = m.screen.store.snapshot(m.list.rows, now)
	m.arrange()
}

// arrange sorts and filters.
func (m *model) arrange() {
	m.list.arrange(m.sorter, &m.matcher)
	m.follow()
}

// follow puts the cursor where its series is now, on the line of the screen
// where it was.
func (m *model) follow() {
	line := m.cursor - m.first
	if m.cursorAt == nil {
		m.cursor = 0
	} else if i := m.list.find(m.cursorAt); i >= 0 {
		m.cursor = i
	}
	m.first = m.cursor - line
	m.place()
}

// place keeps the cursor on a series, and the series on the screen.
func (m *model) place() {
	last := len(m.list.shown) - 1
	m.cursor = max(min(m.cursor, last), 0)
	if last >= 0 && m.cursorAt != nil {
		m.cursorAt = m.list.at(m.cursor).id
	}
	lines := m.listLines()
	m.first = max(min(m.first, m.cursor), m.cursor-lines+1)
	m.first = max(min(m.first, last+1-lines), 0)
	if m.detail != nil {
		m.takeDetail()
	}
}

// move moves the cursor to a place.
func (m *model) move(to int) {
	m.cursor = max(min(to, len(m.list.shown)-1), 0)
	m.cursorAt = nil
	if m.cursor > 0 {
		m.cursorAt = m.list.at(m.cursor).id
	}
	m.place()
}

// takeDetail copies the row whose detail is shown, while it is there.
func (m *model) takeDetail() {
	if slot := m.list.slotOf(m.detail.id); slot >= 0 {
		*m.detail = m.list.rows[slot]
	}
}

func (m *model) showDetail() {
	if m.cursor < len(m.list.shown) {
		copied := *m.list.at(m.cursor)
		m.detail = &copied
	}
}
