// SPDX-License-Identifier: Apache-2.0

// Package glob matches names against patterns.
package glob

import "strings"

// IsPattern reports whether a pattern may match other names than itself.
func IsPattern(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

// Match reports whether name matches the pattern, in which * stands for any
// number of any characters and ? for one byte. Unlike path.Match it lets * match
// a slash, which names of metrics and of processes may have.
func Match(pattern, name string) bool {
	p, n := 0, 0
	star, resume := -1, 0 // the last *, and where in name to go on from
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
