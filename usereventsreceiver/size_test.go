// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1": 1, "512B": 512, "4KiB": 4096, "4 KiB": 4096, " 4MiB ": 4 << 20, "1GiB": 1 << 30,
		"9223372036854775807": 1<<63 - 1,
	} {
		t.Run(text, func(t *testing.T) {
			var s Size
			require.NoError(t, s.UnmarshalText([]byte(text)))
			assert.Equal(t, want, s)
		})
	}
	for _, text := range []string{"", "KiB", "-1", "1.5MiB", "4MB", "4mib", "9007199254740992KiB", "0x10", "4KiBKiB"} {
		t.Run("not "+text, func(t *testing.T) {
			s := Size(7)
			assert.ErrorContains(t, s.UnmarshalText([]byte(text)), "must be a whole number of bytes")
			assert.Equal(t, Size(7), s)
		})
	}
	for size, want := range map[Size]string{
		0: "0B", 1: "1B", 1025: "1025B", 4096: "4KiB", 3 << 20: "3MiB", 1 << 30: "1GiB", -1: "-1B",
	} {
		assert.Equal(t, want, size.String())
	}
}

func FuzzSize(f *testing.F) {
	f.Add("4MiB")
	f.Add("-1B")
	f.Fuzz(func(t *testing.T, text string) {
		var s Size
		if s.UnmarshalText([]byte(text)) != nil {
			return
		}
		require.GreaterOrEqual(t, s, Size(0))
		written, err := s.MarshalText()
		require.NoError(t, err)
		var again Size
		require.NoError(t, again.UnmarshalText(written))
		require.Equal(t, s, again)
	})
}
