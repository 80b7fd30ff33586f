// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tracefs

import (
	"errors"
	"io/fs"
	"os"
)

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
