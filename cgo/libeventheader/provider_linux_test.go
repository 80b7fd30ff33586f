// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libeventheader

import (
	"encoding/binary"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What LinuxTracepoints' library would abort the process for is an error, whether or not there is a kernel for it.
func TestNames(t *testing.T) {
	for _, test := range []struct {
		name, provider, options string
		valid                   bool
	}{
		{"plain", "My_Provider1", "", true},
		{"other characters", "my.provider-ä", "", true},
		{"options", "p", "GgroupHother2Z", true},
		{"empty", "", "", false},
		{"blank", "a b", "", false},
		{"colon", "a:b", "", false},
		{"NUL", "a\x00b", "", false},
		{"options in lower case", "p", "ggroup", false},
		{"options with an underscore", "p", "G_group", false},
		{"options with NUL", "p", "G\x00", false},
		{"options with a newline", "p", "G\n", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			provider, err := OpenProvider(test.provider, test.options)
			if provider != nil {
				require.NoError(t, provider.Close())
			}
			_, fileErr := OpenProviderFile(os.Stdin, test.provider, test.options)
			if test.valid {
				assert.NotErrorIs(t, err, syscall.EINVAL)
				return
			}
			assert.ErrorIs(t, err, syscall.EINVAL)
			assert.ErrorIs(t, fileErr, syscall.EINVAL)
		})
	}
}

func TestConnectChecksTheName(t *testing.T) {
	const others = len("_L4KabcGg")
	for _, test := range []struct {
		name  string
		size  int
		level uint8
		want  error
	}{
		{"short", 1, 4, nil},
		{"the longest", NameMax - 1 - others, 4, nil},
		{"one byte more", NameMax - others, 4, syscall.E2BIG},
		{"level 0", 1, 0, syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			provider := &Provider{name: strings.Repeat("n", test.size), options: "Gg"}
			require.ErrorIs(t, provider.checkTracepoint(test.level, 0xabc), test.want)
			if test.want != nil {
				_, err := provider.Connect(test.level, 0xabc)
				require.ErrorIs(t, err, test.want)
			}
		})
	}
}

func extension(size uint16, data ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, size)
	return append(binary.NativeEndian.AppendUint16(b, 1), data...)
}

func TestEventCheck(t *testing.T) {
	id := new([16]byte)
	for _, test := range []struct {
		name  string
		event Event
		want  error
	}{
		{"nothing", Event{}, nil},
		{"ids", Event{ActivityID: id, RelatedID: id}, nil},
		{"a related activity alone", Event{RelatedID: id}, errRelated},
		{"no bytes of metadata", Event{Metadata: []byte{}}, nil},
		{"metadata", Event{Metadata: extension(2, 'e', 0)}, nil},
		{"metadata that ends too soon", Event{Metadata: extension(3, 'e', 0)}, errMetadata},
		{"metadata with something behind it", Event{Metadata: extension(1, 'e', 0)}, errMetadata},
		{"half a head", Event{Metadata: []byte{0, 0, 1}}, errMetadata},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorIs(t, test.event.check(), test.want)
		})
	}
}
