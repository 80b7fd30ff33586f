// SPDX-License-Identifier: Apache-2.0

package listen

import "encoding/binary"

// sample is a sample record with PERF_SAMPLE_TID, TIME, CPU and RAW, in the
// order in which the kernel writes them (perf_output_sample):
//
//	u32 pid, u32 tid | u64 time | u32 cpu, u32 reserved | u32 size, raw[size]
type sample struct {
	pid, tid int32
	time     int64
	cpu      uint32
	raw      []byte // padded by up to 7 bytes at its end
}

const (
	sampleFixedSize = 8 + 8 + 8 + 4
	sampleTimeAt    = 8
)

// sampleTime reads the time of a sample and nothing else.
func sampleTime(body []byte) (int64, bool) {
	if len(body) < sampleFixedSize {
		return 0, false
	}
	return int64(binary.NativeEndian.Uint64(body[sampleTimeAt:])), true
}

// parseSample parses a sample record. It fails only on a body that is
// shorter than it says.
func parseSample(body []byte) (s sample, ok bool) {
	if len(body) < sampleFixedSize {
		return sample{}, false
	}
	e := binary.NativeEndian
	size := e.Uint32(body[24:])
	if uint64(size) > uint64(len(body)-sampleFixedSize) {
		return sample{}, false
	}
	return sample{
		pid:  int32(e.Uint32(body[0:])),
		tid:  int32(e.Uint32(body[4:])),
		time: int64(e.Uint64(body[sampleTimeAt:])),
		cpu:  e.Uint32(body[16:]),
		raw:  body[sampleFixedSize:][:size],
	}, true
}

// eventID is the common_type at the start of each raw sample: the id of the
// tracepoint.
func (s sample) eventID() (int, bool) {
	if len(s.raw) < 2 {
		return 0, false
	}
	return int(binary.NativeEndian.Uint16(s.raw)), true
}
