// SPDX-License-Identifier: Apache-2.0

package input

import (
	"context"
	"io"
)

// patient reads from what may have nothing to read for a long time, a pipe for
// instance, and gives up when the context is done. A read that is waiting then
// is left behind.
type patient struct {
	ctx     context.Context
	want    chan struct{}
	have    chan chunk
	current chunk
}

type chunk struct {
	data []byte
	err  error
}

// newPatient starts a goroutine, which ends with the context, after the read
// that it may be in.
func newPatient(ctx context.Context, in io.Reader) *patient {
	p := &patient{ctx: ctx, want: make(chan struct{}), have: make(chan chunk, 1)}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			select {
			case <-ctx.Done():
				return
			case <-p.want:
			}
			n, err := in.Read(buf)
			p.have <- chunk{buf[:n], err} // never more than one
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *patient) Read(to []byte) (int, error) {
	for len(p.current.data) == 0 {
		if p.current.err != nil {
			return 0, p.current.err
		}
		select {
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		case p.want <- struct{}{}:
		}
		select {
		case <-p.ctx.Done():
			p.current.err = p.ctx.Err()
			return 0, p.ctx.Err()
		case p.current = <-p.have:
		}
	}
	n := copy(to, p.current.data)
	p.current.data = p.current.data[n:]
	return n, nil
}
