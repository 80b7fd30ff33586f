// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// words hands out enable words from pages that stay mapped for the life of the
// process, since the kernel may write into them until they are unregistered.
var words struct {
	sync.Mutex
	free []*uint32
}

// newEnableWord returns a zeroed word, in memory outside the Go heap that is never moved or unmapped. Its cost is 4
// bytes; a page is mapped at a time.
func newEnableWord() (*uint32, error) {
	words.Lock()
	defer words.Unlock()
	if len(words.free) == 0 {
		page, err := syscall.Mmap(
			-1,
			0,
			os.Getpagesize(),
			syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS,
		)
		if err != nil {
			return nil, fmt.Errorf("tracefs: memory for enable words: %w", os.NewSyscallError("mmap", err))
		}
		for i := 0; i+4 <= len(page); i += 4 {
			words.free = append(words.free, (*uint32)(unsafe.Pointer(&page[i])))
		}
	}
	last := len(words.free) - 1
	w := words.free[last]
	words.free = words.free[:last]
	*w = 0
	return w, nil
}

// freeEnableWord gives back a word that the kernel does not write, as it was never registered or is unregistered.
func freeEnableWord(word *uint32) {
	words.Lock()
	defer words.Unlock()
	words.free = append(words.free, word)
}
