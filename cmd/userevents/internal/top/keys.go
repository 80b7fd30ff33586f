// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"
	"unicode"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

// longestFilter bounds what can be typed or pasted, in bytes.
const longestFilter = 256

// press takes a key.
func (m *model) press(key tea.KeyPressMsg) tea.Cmd {
	k := key.String()
	switch {
	case k == "ctrl+c":
		return tea.Quit
	case k == "ctrl+z":
		return suspend
	case m.edit:
		m.pressTyping(k, key.Text)
		return nil
	case m.help:
		m.pressHelp(k)
		return nil
	}
	switch k {
	case "q":
		return tea.Quit
	case "?", "h", "f1":
		m.help, m.scroll = true, 0
	case "p", "space", " ":
		m.paused = !m.paused
		m.refresh()
	case "/":
		m.edit = true
		m.detail = nil
	case "esc":
		if m.detail != nil {
			m.detail = nil
		} else {
			m.setFilter("")
		}
	case "backspace", "left":
		m.detail = nil
	case "enter", "right":
		m.showDetail()
	case "s", ">", "tab":
		m.sort((m.by+1)%len(orders), false)
	case "S", "<", "shift+tab":
		m.sort((m.by+len(orders)-1)%len(orders), false)
	case "1", "2", "3", "4", "5", "6":
		m.sort(int(k[0]-'1'), false)
	case "r":
		m.sort(m.by, !m.reverse)
	default:
		m.pressMove(k)
	}
	return nil
}

// pressMove takes keys that move the cursor.
func (m *model) pressMove(k string) {
	page := max(m.listLines()-1, 1)
	to := m.cursor
	switch k {
	case "up", "k":
		to--
	case "down", "j":
		to++
	case "pgup", "ctrl+b":
		to -= page
		m.first -= page
	case "pgdown", "ctrl+f":
		to += page
		m.first += page
	case "home", "g":
		to = 0
	case "end", "G":
		to = len(m.shown) - 1
	default:
		return
	}
	m.move(to)
	if m.detail != nil {
		m.showDetail()
	}
}

// pressTyping takes keys while the filter is typed.
func (m *model) pressTyping(k, text string) {
	switch k {
	case "enter":
		m.edit = false
	case "esc":
		m.edit = false
		m.setFilter("")
	case "backspace", "ctrl+h":
		_, n := utf8.DecodeLastRuneInString(m.typing)
		m.setFilter(m.typing[:len(m.typing)-n])
	case "ctrl+u":
		m.setFilter("")
	case "ctrl+w":
		m.setFilter(m.typing[:strings.LastIndexByte(strings.TrimRight(m.typing, " "), ' ')+1])
	case "up", "down", "pgup", "pgdown", "home", "end":
		m.pressMove(k)
	default:
		m.typed(text)
	}
}

// typed appends to the filter what can be printed of a text.
func (m *model) typed(text string) {
	printable := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if printable != "" && len(m.typing)+len(printable) <= longestFilter {
		m.setFilter(m.typing + printable)
	}
}

func (m *model) pressHelp(k string) {
	switch k {
	case "down", "j", "pgdown":
		m.scroll++
	case "up", "k", "pgup":
		m.scroll--
	default:
		m.help = false
	}
	m.scroll = max(min(m.scroll, len(helpLines)-m.bodyLines()), 0)
}

func (m *model) setFilter(text string) {
	m.typing, m.words = text, strings.Fields(plainText(text))
	m.filter()
}
