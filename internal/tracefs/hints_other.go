// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tracefs

import "errors"

func hint(_ string, err error) string {
	if errors.Is(err, errors.ErrUnsupported) {
		return "user_events are a facility of the Linux kernel"
	}
	return ""
}
