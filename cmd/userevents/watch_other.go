// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"context"
	"os"
)

// watchReader does nothing where the command cannot listen anyway.
func watchReader(context.Context, *os.File, func()) {}
