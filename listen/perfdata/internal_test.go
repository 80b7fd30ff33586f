// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever comes, the queue holds no more than its limit and one block, and what it delivers is what it was given.
func TestQueueIsBounded(t *testing.T) {
	const limit = 1 << 20
	random := rand.New(rand.NewPCG(5, 6))
	for _, tt := range []struct {
		name string
		size func() int
		time func(i int) uint64
	}{
		{"small items", func() int { return 0 }, func(i int) uint64 { return uint64(i) }},
		{"large items", func() int { return 1 << 16 }, func(i int) uint64 { return uint64(i) }},
		{"any", func() int { return random.IntN(1 << 13) }, func(int) uint64 { return random.Uint64() }},
		{"backwards", func() int { return 100 }, func(i int) uint64 { return 1<<40 - uint64(i) }},
		// Each keeps a block for itself, as all others of it are taken before.
		{"now and then one of the future", func() int { return 8000 }, func(i int) uint64 {
			if i%16 == 0 {
				return 1<<50 + uint64(i)
			}
			return uint64(i)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := queue{limit: limit}
			data := make([]byte, 1<<16)
			given, taken := 0, 0
			take := func() {
				for it, ok := q.pop(); ok; it, ok = q.pop() {
					if len(it.data) > 0 && it.data[0] != byte(it.pid) {
						t.Fatalf("item %d has the data of another", it.pid)
					}
					q.done(it)
					taken++
				}
			}
			for i := range 20_000 {
				data[0] = byte(i)
				q.push(item{time: tt.time(i), hasTime: true, pid: int32(i), data: data[:tt.size()]})
				given++
				blocks, items := (q.used+len(q.free))*blockSize, cap(q.items)*itemSize
				if q.memory() > limit+blockSize+2*itemSize || blocks > limit+2*blockSize || items > 2*limit {
					t.Fatalf("after %d items %d bytes are held, in blocks of %d and items of %d", i, q.memory(), blocks,
						items)
				}
				take()
			}
			q.finish()
			take()
			assert.Equal(t, given, taken)
			assert.LessOrEqual(t, q.used, 1)
		})
	}
}

// A round of many small items makes none of the next ones early.
func TestQueueForgetsARound(t *testing.T) {
	q := queue{limit: 1 << 20}
	for round := range 20 {
		for i := range 2000 {
			q.push(item{time: uint64(10_000*round + i), hasTime: true})
			require.Zero(t, q.ready)
		}
		q.finishRound()
		for it, ok := q.pop(); ok; it, ok = q.pop() {
			q.done(it)
		}
	}
}

func TestProcessNamesAreBounded(t *testing.T) {
	var p processes
	for pid := range int32(3 * maxProcesses) {
		p.named(pid, pid, fmt.Append(nil, "process ", pid))
	}
	assert.Len(t, p.names, maxProcesses)
	assert.Equal(t, fmt.Sprint("process ", 3*maxProcesses-1), p.names[3*maxProcesses-1])
}

func TestPendingLossesAreBounded(t *testing.T) {
	var l losses
	for cpu := range int32(2 * maxCPUs) {
		l.record(cpu, 1)
	}
	assert.Len(t, l.pending, maxCPUs)
	assert.EqualValues(t, 2*maxCPUs, l.total(false))
	assert.EqualValues(t, 1, l.before(5))
	assert.Zero(t, l.before(5))
}
