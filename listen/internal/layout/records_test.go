// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func rawCommon(id int) []byte { return layouttest.Common(binary.NativeEndian, id) }

func rawOTLP(id int, payload string) []byte {
	return layouttest.OTLP(binary.NativeEndian, id, []byte(payload))
}

func rawFieldless(id int, payload string) []byte {
	return layouttest.Fieldless(binary.NativeEndian, id, []byte(payload))
}
