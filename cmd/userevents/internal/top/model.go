// SPDX-License-Identifier: Apache-2.0

package top

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/internal/glob"
)

// model is what is on the screen. Only Bubble Tea's loop calls its methods.
type model struct {
	screen *Screen
	ended  chan struct{} // closed when the program has ended

	width, height int

	all     []*series // as they are sorted
	shown   []*series // those that match the filter
	at      time.Duration
	evicted uint64
	by      int // of orders
	reverse bool
	words   []string // of the filter

	// The cursor is on a series and goes with it where it is sorted to. At the
	// first line it stays there, whichever series that is.
	cursor   int
	cursorAt *series // nil: at the first line
	first    int     // line that is on the screen

	typing string // the filter
	edit   bool   // it is being typed
	paused bool
	help   bool
	scroll int     // lines of the help that are above the screen
	detail *series // that is shown alone

	samples []sample // the first is at least as old as the window, if there is one
	status  source.Status
}

// tickMsg is for a refresh.
type tickMsg struct{}

func newModel(s *Screen) *model {
	m := &model{screen: s, width: 80, height: 24}
	m.refresh()
	return m
}

func (m *model) Init() tea.Cmd { return m.tick() }

// tick waits for the next refresh, or the screen's end.
func (m *model) tick() tea.Cmd {
	ended := m.ended
	return func() tea.Msg {
		timer := time.NewTimer(m.screen.interval)
		defer timer.Stop()
		select {
		case <-timer.C:
			return tickMsg{}
		case <-ended:
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
		m.clamp()
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.edit {
			m.typed(msg.Content)
		}
	}
	return m, nil
}

// refresh updates the screen: all of it, or when paused, the status line.
func (m *model) refresh() {
	now := m.screen.clock()
	m.status = m.screen.status()
	m.samples = append(m.samples, sample{now, m.screen.store.total()})
	for len(m.samples) > 2 && now-m.samples[1].at >= sampleWindow {
		m.samples = m.samples[1:]
	}
	if !m.paused {
		m.at = now
		m.all, m.evicted = m.screen.store.snapshot(m.all, now)
		m.sort(m.by, m.reverse)
	}
}

func (m *model) sort(by int, reverse bool) {
	m.by, m.reverse = by, reverse
	slices.SortFunc(m.all, func(a, b *series) int { return orders[by].compare(a, b, reverse) })
	m.filter()
}

// filter keeps the cursor on its series, on the line of the screen where it was.
func (m *model) filter() {
	m.shown = m.shown[:0]
	for _, s := range m.all {
		if s.matches(m.words) {
			m.shown = append(m.shown, s)
		}
	}
	line := m.cursor - m.first
	if m.cursorAt == nil {
		m.cursor = 0
	} else if i := slices.Index(m.shown, m.cursorAt); i >= 0 {
		m.cursor = i
	}
	m.first = m.cursor - line
	m.clamp()
}

// clamp keeps the cursor on a series, and the series on the screen.
func (m *model) clamp() {
	last := len(m.shown) - 1
	m.cursor = max(min(m.cursor, last), 0)
	if last >= 0 && m.cursorAt != nil {
		m.cursorAt = m.shown[m.cursor]
	}
	lines := m.listLines()
	m.first = max(min(m.first, m.cursor), m.cursor-lines+1)
	m.first = max(min(m.first, last+1-lines), 0)
}

// move moves the cursor.
func (m *model) move(to int) {
	m.cursor = max(min(to, len(m.shown)-1), 0)
	m.cursorAt = nil
	if m.cursor > 0 {
		m.cursorAt = m.shown[m.cursor]
	}
	m.clamp()
}

func (m *model) showDetail() {
	if m.cursor < len(m.shown) {
		m.detail = m.shown[m.cursor]
	}
}

// matches reports whether each of these words, which a person typed, is found in some
// text of a series. One with * or ? must match all of a text, or of one attribute;
// another must be a part of it. Case and quotes do not matter.
func (s *series) matches(words []string) bool {
	if len(words) == 0 {
		return true
	}
	texts := strings.Split(plainText(strings.Join([]string{
		s.service, s.metric, s.attributes, s.origin, s.pidText, s.shown.process}, "\n")), "\n")
	for _, word := range words {
		found := func(text string) bool { return strings.Contains(text, word) }
		if strings.ContainsAny(word, "*?") {
			match := func(text string) bool { return glob.Match(word, text) }
			found = func(text string) bool { return match(text) || slices.ContainsFunc(strings.Fields(text), match) }
		}
		if !slices.ContainsFunc(texts, found) {
			return false
		}
	}
	return true
}

func plainText(text string) string { return strings.ReplaceAll(strings.ToLower(text), `"`, "") }

// sampleWindow is the time over which the rates of the status line are taken, so
// that a service which exports every second does not make them flicker.
const sampleWindow = 5 * time.Second

type sample struct {
	at time.Duration
	counts
}
