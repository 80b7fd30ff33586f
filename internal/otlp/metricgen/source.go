// SPDX-License-Identifier: Apache-2.0

package metricgen

// source hands out decisions. When its bytes have come to an end it decides 0, so that what is being made ends too.
type source struct{ data []byte }

func (s *source) byte() byte {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

// intn returns a number from 0 to n-1.
func (s *source) intn(n int) int {
	if n <= 1 {
		return 0
	}
	v := int(s.byte())
	if n > 256 {
		v = v<<8 | int(s.byte())
	}
	return v % n
}

// one is true about once in n times, and never at the end.
func (s *source) one(n int) bool { return s.intn(n) == n-1 }

// count returns a number from 0 to limit, at the end 0. Small ones are likelier.
func (s *source) count(limit int) int { return min(s.intn(limit+1), s.intn(limit+2)) }

func (s *source) uint64() uint64 {
	var v uint64
	for range 1 + s.intn(8) {
		v = v<<8 | uint64(s.byte())
	}
	return v
}
