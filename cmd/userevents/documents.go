// SPDX-License-Identifier: Apache-2.0

// Instead of the command: what makes its man pages brings a parser of Markdown, for which the command has no use.

//go:build documents

package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/documents"
)

// SOURCE_DATE_EPOCH=SECONDS go run -tags documents . FOLDER
func main() {
	if err := write(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "documents:", err)
		os.Exit(1)
	}
}

func write(args []string, epoch string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments instead of one folder", len(args))
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH, the date of the man pages: %w", err)
	}
	root := newRoot()
	root.Version = usereventsmetric.Version()
	return documents.Write(root, args[0], time.Unix(seconds, 0).UTC())
}
