// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package listen

import (
	"errors"
	"fmt"
)

func newSystem() (system, error) {
	return nil, fmt.Errorf("listen: user_events are a facility of the Linux kernel: %w", errors.ErrUnsupported)
}
