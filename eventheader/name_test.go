// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

func TestParseName(t *testing.T) {
	for tracepoint, want := range map[string]eventheader.Name{
		"MyProvider_L4K1":                  {Provider: "MyProvider", Level: 4, Keyword: 1},
		"MyProvider_L5K0Gmygroup":          {Provider: "MyProvider", Level: 5, Options: "Gmygroup"},
		"a_L1K2_L3K4":                      {Provider: "a_L1K2", Level: 3, Keyword: 4},
		"My_Provider_Lf1K2A1Gz0Z":          {Provider: "My_Provider", Level: 0xf1, Keyword: 2, Options: "A1Gz0Z"},
		"p_LffKffffffffffffffff":           {Provider: "p", Level: 255, Keyword: 1<<64 - 1},
		"name-of.others/as-is_L1K":         {},
		"":                                 {},
		"MyProvider":                       {},
		"_L1K1":                            {},
		"MyProvider_L0K1":                  {},
		"MyProvider_L100K1":                {},
		"MyProvider_L4":                    {},
		"MyProvider_LK1":                   {},
		"MyProvider_L4K":                   {},
		"MyProvider_L4KA":                  {},
		"MyProvider_L4K1g":                 {},
		"MyProvider_L4K1G-":                {},
		"MyProvider_L4K1FF-":               {},
		"MyProvider_L4k1":                  {},
		"My Provider_L4K1":                 {},
		"My:Provider_L4K1":                 {},
		"My\x00Provider_L4K1":              {},
		"p_L1K10000000000000000":           {},
		strings.Repeat("p", 251) + "_L1K1": {},
	} {
		t.Run(tracepoint, func(t *testing.T) {
			name, err := eventheader.ParseName(tracepoint)
			assert.Equal(t, want, name)
			if want == (eventheader.Name{}) {
				require.ErrorIs(t, err, eventheader.ErrNotEventHeader)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tracepoint, name.String())
		})
	}
}

func TestLevel(t *testing.T) {
	for level, want := range map[eventheader.Level]string{
		0: "0", eventheader.LevelCritical: "critical", eventheader.LevelError: "error",
		eventheader.LevelWarning: "warning", eventheader.LevelInformation: "information",
		eventheader.LevelVerbose: "verbose", 6: "6", 255: "255",
	} {
		assert.Equal(t, want, level.String())
	}
}
