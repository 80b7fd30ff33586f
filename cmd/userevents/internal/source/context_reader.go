// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"io"
)

// newContextReader reads from what may have nothing to read for a long time, a
// pipe for instance, until the context is done. A read that is waiting then is
// abandoned: its goroutine ends after it.
func newContextReader(ctx context.Context, in io.Reader) io.Reader {
	r, w := io.Pipe()
	go func() {
		_, err := io.Copy(w, in)
		w.CloseWithError(err) // nil is io.EOF
	}()
	context.AfterFunc(ctx, func() { r.CloseWithError(ctx.Err()) })
	return r
}
