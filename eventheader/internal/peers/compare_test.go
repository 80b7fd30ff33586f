// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decode returns what the peer makes of events: for each what its dump should be.
func decode(t *testing.T, all []recorded) []string {
	t.Helper()
	var input []byte
	for _, r := range all {
		input = r.append(input)
	}
	command := exec.Command(program(t), "decode")
	command.Stdin = bytes.NewReader(input)
	printed, err := command.Output()
	require.NoError(t, err)
	dumps := strings.SplitAfter(string(printed), "\nend\n")
	require.Equal(t, "", dumps[len(dumps)-1])
	require.Len(t, dumps, len(all)+1)
	return dumps[:len(all)]
}

// comparison counts what differs in what both print.
type comparison struct {
	differences map[string]int // by their reason
	objects     int            // how many JSON objects were compared
}

// The columns of a line about a value.
const (
	colEncoding = 2
	colFormat   = 3
	colValue    = 6
	colText     = 7
)

// differences are where both print the same value in another way.
var differences = []struct {
	reason string
	is     func(line []string, ours, theirs string) bool
}{
	{"theirs prints bytes in upper case", func(_ []string, ours, theirs string) bool {
		return hexBytes.MatchString(ours) && strings.ToUpper(ours) == theirs
	}},
	{"theirs ends a time with Z", func(line []string, ours, theirs string) bool {
		return line[colFormat] == "6" && ours+"Z" == theirs
	}},
	{"theirs has BOOL around what is neither true nor false", func(line []string, ours, theirs string) bool {
		return line[colFormat] == "7" && "BOOL("+ours+")" == theirs
	}},
	{"theirs prints floating-point numbers with as few digits as possible, and no plus in an exponent", func(
		line []string, ours, theirs string,
	) bool {
		bits := 8 * len(line[colValue]) / 2
		our, err1 := strconv.ParseFloat(ours, bits)
		their, err2 := strconv.ParseFloat(theirs, bits)
		return line[colFormat] == "8" && (err1 == nil && err2 == nil && our == their ||
			strings.TrimPrefix(ours, "-") == "nan" && theirs == "NaN")
	}},
	{"theirs takes a number of any size for a process id, and that is signed", func(
		line []string, ours, theirs string,
	) bool {
		our, err1 := strconv.ParseUint(ours, 10, 64)
		their, err2 := strconv.ParseInt(theirs, 10, 64)
		return line[colFormat] == "5" && err1 == nil && err2 == nil && our == uint64(their)
	}},
	{"theirs takes format 17 for IPv4 only, and 18 for IPv6 only", func(line []string, _, _ string) bool {
		return line[colFormat] == "17" && len(line[colValue]) == 2*16 ||
			line[colFormat] == "18" && len(line[colValue]) == 2*4
	}},
	{"theirs takes the units of a string in Latin-1 for bytes", func(line []string, _, _ string) bool {
		return line[colFormat] == "10" && strings.Contains(" 8 9 11 12 ", " "+line[colEncoding]+" ")
	}},
}

var hexBytes = regexp.MustCompile(`^([0-9a-f]{2} )*[0-9a-f]{2}$`)

func newComparison() *comparison { return &comparison{differences: make(map[string]int)} }

// compare fails the test at the first line that differs, and says nothing of what is known to differ.
func (c *comparison) compare(t *testing.T, number int, ours, theirs string) {
	t.Helper()
	ourLines, theirLines := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i, line := range ourLines {
		require.Less(t, i, len(theirLines), "event %d: theirs has fewer lines", number)
		if line == theirLines[i] || c.known(t, strings.Fields(line), strings.Fields(theirLines[i])) {
			continue
		}
		t.Fatalf("event %d, line %d:\n ours   %s\n theirs %s\n\n%s", number, i,
			readable(line), readable(theirLines[i]), ours)
	}
	require.Len(t, theirLines, len(ourLines))
}

func (c *comparison) known(t *testing.T, ours, theirs []string) bool {
	t.Helper()
	if len(ours) != len(theirs) || len(ours) == 0 || ours[0] != theirs[0] {
		return false
	}
	switch ours[0] {
	case "json":
		return c.sameObject(t, undigits(t, ours[1]), undigits(t, theirs[1]))
	case "value":
		if strings.Join(ours[:colText], " ") != strings.Join(theirs[:colText], " ") {
			return false
		}
		our, their := undigits(t, ours[colText]), undigits(t, theirs[colText])
		for _, difference := range differences {
			if difference.is(ours, string(our), string(their)) {
				c.differences[difference.reason]++
				return true
			}
		}
	}
	return false
}

// check checks that each difference is still one, and that objects were compared.
func (c *comparison) check(t *testing.T) {
	t.Helper()
	for _, difference := range differences {
		assert.NotZero(t, c.differences[difference.reason], "no longer so: %s", difference.reason)
	}
	assert.Greater(t, c.objects, events/2)
	t.Logf("%d JSON objects; %v", c.objects, c.differences)
}

// invalidObject is where theirs is not JSON.
const invalidObject = "theirs does not escape strings in arrays"

// sameObject compares names, their order and nesting. What values look like is compared as text.
func (c *comparison) sameObject(t *testing.T, ours, theirs []byte) bool {
	t.Helper()
	require.True(t, json.Valid(ours), "%s", ours)
	if !json.Valid(theirs) {
		c.differences[invalidObject]++
		return true
	}
	c.objects++
	return assert.Equal(t, shape(t, ours), shape(t, theirs))
}

// shape returns an object's tokens, those of values excepted, but for those in meta. (In "n" theirs leaves the event's
// attributes. LinuxTracepoints' tools do not.)
func shape(t *testing.T, object []byte) (tokens []string) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	var walk func(keep bool, depth int)
	walk = func(keep bool, depth int) {
		token, err := decoder.Token()
		require.NoError(t, err)
		if _, nested := token.(json.Delim); !nested {
			if keep {
				tokens = append(tokens, fmt.Sprint(token))
			}
			return
		}
		tokens = append(tokens, fmt.Sprint(token))
		for decoder.More() {
			keepMember := keep
			if token == json.Delim('{') {
				key, err := decoder.Token()
				require.NoError(t, err)
				tokens = append(tokens, fmt.Sprintf("%q:", key))
				keepMember = keep || depth == 0 && key == "meta"
			}
			walk(keepMember, depth+1)
		}
		_, err = decoder.Token()
		require.NoError(t, err)
		tokens = append(tokens, "end")
	}
	walk(false, 0)
	return tokens
}

func undigits(t *testing.T, word string) []byte {
	t.Helper()
	if word == "-" {
		return nil
	}
	b, err := hex.DecodeString(word)
	require.NoError(t, err)
	return b
}
