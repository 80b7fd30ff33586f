// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package input

import (
	"io"
	"os"
)

func openPath(name string) (io.ReadCloser, error) { return os.Open(name) }
