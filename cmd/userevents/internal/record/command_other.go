// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package record

import "os"

var passedOn = []os.Signal{os.Interrupt}

func sharesTerminal() bool { return true }
