// SPDX-License-Identifier: Apache-2.0

//go:build linux

package osthread

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func threadOf(h *Holder) (id int) {
	h.Do(func() { id = unix.Gettid() })
	return id
}

func TestEveryCallRunsOnOneThread(t *testing.T) {
	first, second := Hold(), Hold()
	want := threadOf(first)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			assert.Equal(t, want, threadOf(first))
			assert.Equal(t, want, threadOf(second))
		})
	}
	group.Wait()
	first.Release()
	first.Release() // counts once
	assert.Equal(t, want, threadOf(second), "as long as one holder is left")
	second.Release()
}

func TestNoOtherGoroutineRunsOnIt(t *testing.T) {
	holder := Hold()
	defer holder.Release()
	held := threadOf(holder)
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() { assert.NotEqual(t, held, unix.Gettid()) })
	}
	group.Wait()
}

func TestHoldAgain(t *testing.T) {
	for range 100 {
		holder := Hold()
		assert.Positive(t, threadOf(holder))
		holder.Release()
	}
}

func TestHoldConcurrentSafe(t *testing.T) {
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 20 {
				holder := Hold()
				assert.Positive(t, threadOf(holder))
				holder.Release()
			}
		})
	}
	group.Wait()
}
