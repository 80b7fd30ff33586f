// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tracefs

import "os"

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}
