// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"io"
)

// contextReader reads from what may have nothing to read for a long time, a pipe
// for instance, until the context is done. A read that is waiting then is
// abandoned.
type contextReader struct {
	ctx     context.Context
	want    chan struct{}
	have    chan chunk
	current chunk
}

type chunk struct {
	data []byte
	err  error
}

// newContextReader starts a goroutine, which ends with the context, after the
// read that it may be in.
func newContextReader(ctx context.Context, in io.Reader) *contextReader {
	r := &contextReader{ctx: ctx, want: make(chan struct{}), have: make(chan chunk, 1)}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			select {
			case <-ctx.Done():
				return
			case <-r.want:
			}
			n, err := in.Read(buf)
			r.have <- chunk{buf[:n], err} // never more than one
			if err != nil {
				return
			}
		}
	}()
	return r
}

func (r *contextReader) Read(to []byte) (int, error) {
	for len(r.current.data) == 0 {
		if r.current.err != nil {
			return 0, r.current.err
		}
		select {
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		case r.want <- struct{}{}:
		}
		select {
		case <-r.ctx.Done():
			r.current.err = r.ctx.Err()
			return 0, r.ctx.Err()
		case r.current = <-r.have:
		}
	}
	n := copy(to, r.current.data)
	r.current.data = r.current.data[n:]
	return n, nil
}
