// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import "os"

// place is where user_events_data is. The zero value stands for wherever tracefs is mounted.
type place struct {
	path string   // of the file
	file *os.File // the file itself, open; goes before path
	// fileGiven tells a nil that was given from nothing given.
	fileGiven bool
}
