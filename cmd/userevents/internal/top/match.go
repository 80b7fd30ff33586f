// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"

	globs "github.com/otel-userevents/usereventsmetric/internal/glob"
)

// matcher is the filter that a person typed: words, each of which must be found
// in some text of a series. A word with * or ? must match all of a text, or of
// one attribute; another word must be a part of it. Case does not matter.
type matcher struct {
	words []string
	// known are the answers so far, by slot.
	known []answer
}

type answer struct {
	id *identity
	ok bool
}

func newMatcher(text string) matcher {
	return matcher{words: strings.Fields(strings.ToLower(text))}
}

func (m *matcher) matches(slot int, id *identity) bool {
	if len(m.words) == 0 {
		return true
	}
	for slot >= len(m.known) {
		m.known = append(m.known, answer{})
	}
	a := &m.known[slot]
	if a.id != id {
		*a = answer{id, m.find(id)}
	}
	return a.ok
}

func (m *matcher) find(id *identity) bool {
	texts := [...]string{id.service, id.metric, id.attributes, id.pid, id.process}
	for i := range texts {
		texts[i] = strings.ToLower(texts[i])
	}
	for _, word := range m.words {
		if !found(word, texts[:]) {
			return false
		}
	}
	return true
}

func found(word string, texts []string) bool {
	glob := strings.ContainsAny(word, "*?")
	for _, text := range texts {
		if !glob {
			if strings.Contains(text, word) {
				return true
			}
			continue
		}
		if globs.Match(word, text) {
			return true
		}
		for part := range strings.FieldsSeq(text) {
			if globs.Match(word, part) {
				return true
			}
		}
	}
	return false
}
