// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"encoding/binary"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeKernel is an ioctl that keeps the bytes it was given.
type fakeKernel struct {
	request uintptr
	arg     []byte
	text    string
	index   uint32
	err     error
}

func (k *fakeKernel) ioctl(_ *os.File, request uintptr, arg unsafe.Pointer) error {
	k.request = request
	size := *(*uint32)(arg)
	k.arg = append([]byte(nil), unsafe.Slice((*byte)(arg), size)...)
	if request == thisArch.reg {
		address := binary.NativeEndian.Uint64(k.arg[16:])
		k.text = unix.BytePtrToString(*(**byte)(unsafe.Pointer(&address)))
		if k.err == nil {
			*(*uint32)(unsafe.Add(arg, 24)) = k.index
		}
	}
	return k.err
}

func enableWord(t *testing.T) *uint32 {
	t.Helper()
	w, err := newEnableWord()
	require.NoError(t, err)
	t.Cleanup(func() { freeEnableWord(w) })
	return w
}

func TestRegisterPassesUserReg(t *testing.T) {
	word := enableWord(t)
	k := &fakeKernel{index: 0xA1B2}
	index, err := register(k.ioctl, nil, word, DefaultTracepointName+" "+FieldsOTLP, FlagMultiFormat)
	require.NoError(t, err)
	assert.Equal(t, uint32(0xA1B2), index)
	assert.Equal(t, thisArch.reg, k.request)
	require.Len(t, k.arg, 28)
	e := binary.NativeEndian
	assert.Equal(t, uint32(28), e.Uint32(k.arg[0:]))
	assert.Equal(t, byte(0), k.arg[4])
	assert.Equal(t, byte(4), k.arg[5])
	assert.Equal(t, FlagMultiFormat, e.Uint16(k.arg[6:]))
	assert.Equal(t, uint64(uintptr(unsafe.Pointer(word))), e.Uint64(k.arg[8:]))
	assert.Equal(t, "otlp_metrics u32 protocol; char[8] version; __rel_loc u8[] buffer", k.text)
}

func TestUnregisterPassesUserUnreg(t *testing.T) {
	word := enableWord(t)
	k := &fakeKernel{}
	require.NoError(t, unregister(k.ioctl, nil, word))
	assert.Equal(t, thisArch.unreg, k.request)
	require.Len(t, k.arg, 16)
	e := binary.NativeEndian
	assert.Equal(t, uint32(16), e.Uint32(k.arg[0:]))
	assert.Equal(t, []byte{0, 0, 0, 0}, k.arg[4:8])
	assert.Equal(t, uint64(uintptr(unsafe.Pointer(word))), e.Uint64(k.arg[8:]))
}

func TestRegisterErrors(t *testing.T) {
	word := new(uint32)
	for _, errno := range []syscall.Errno{
		syscall.EADDRINUSE, syscall.EPERM, syscall.EINVAL, syscall.ENOMEM, syscall.EMFILE, syscall.EFAULT,
	} {
		k := &fakeKernel{err: errno, index: 9}
		index, err := register(k.ioctl, nil, word, DefaultTracepointName+" "+FieldsOTLP, 0)
		require.ErrorIs(t, err, errno)
		assert.Zero(t, index)
		assert.ErrorContains(t, err, "register otlp_metrics: "+errno.Error()+": ")
	}
	k := &fakeKernel{err: syscall.ENOENT}
	require.ErrorIs(t, unregister(k.ioctl, nil, word), syscall.ENOENT)
}

func TestRegisterRefusesBeforeTheKernel(t *testing.T) {
	never := func(*os.File, uintptr, unsafe.Pointer) error {
		t.Error("the kernel was called")
		return nil
	}
	_, err := register(never, nil, new(uint32), "x"+strings.Repeat(" ", MaxNameArgs), 0)
	assert.ErrorContains(t, err, "512 bytes")
	_, err = register(never, nil, new(uint32), "x\x00y", 0)
	assert.ErrorContains(t, err, "NUL")
}

func TestStructLayout(t *testing.T) {
	var r userReg
	assert.Equal(t, []uintptr{0, 4, 5, 6, 8, 16, 24}, []uintptr{
		unsafe.Offsetof(r.size), unsafe.Offsetof(r.enableBit), unsafe.Offsetof(r.enableSize), unsafe.Offsetof(r.flags),
		unsafe.Offsetof(r.enableAddr), unsafe.Offsetof(r.nameArgs), unsafe.Offsetof(r.writeIndex),
	})
	assert.GreaterOrEqual(t, unsafe.Sizeof(r), uintptr(userRegSize))
	var u userUnreg
	assert.Equal(t, []uintptr{0, 4, 8, 16}, []uintptr{
		unsafe.Offsetof(u.size), unsafe.Offsetof(u.disableBit), unsafe.Offsetof(u.disableAddr), unsafe.Sizeof(u),
	})
}

func TestEnableWords(t *testing.T) {
	perPage := os.Getpagesize() / 4
	var mu sync.Mutex
	seen := make(map[*uint32]bool)
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range perPage/2 + 1 {
				w, err := newEnableWord()
				if !assert.NoError(t, err) {
					return
				}
				assert.Zero(t, atomic.LoadUint32(w))
				atomic.StoreUint32(w, 1)
				mu.Lock()
				assert.False(t, seen[w], "a word given out twice")
				seen[w] = true
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	require.Greater(t, len(seen), perPage, "more than one page")
	runtime.GC()
	for w := range seen {
		require.Equal(t, uint32(1), atomic.LoadUint32(w))
		freeEnableWord(w)
	}
	w, err := newEnableWord()
	require.NoError(t, err)
	assert.Zero(t, *w, "a word that was used before")
	assert.True(t, seen[w])
	freeEnableWord(w)
}
